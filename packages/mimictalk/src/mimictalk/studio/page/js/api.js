// The API. The token is kept by this origin alone and sent in a header; there are no cookies.

const ROOT = 'api/v1';
const KEY = 'mimictalk-token';

export function takeToken() {
  const given = new URLSearchParams(location.hash.slice(1)).get('token');
  if (given) {
    localStorage.setItem(KEY, given);
    history.replaceState(null, '', location.pathname);
  }
  return localStorage.getItem(KEY);
}

export const setToken = (token) => localStorage.setItem(KEY, token.trim());
const headers = () => ({ Authorization: `Bearer ${localStorage.getItem(KEY) ?? ''}` });

export class Refusal extends Error {
  constructor(status, told) {
    super(told.cause);
    Object.assign(this, told, { status });
  }
}

async function refusal(answer) {
  const told = await answer.json().catch(() => ({}));
  return new Refusal(answer.status, told.error ?? { subject: 'studio', cause: answer.statusText || `error ${answer.status}` });
}

async function ask(method, path, body) {
  const options = { method, headers: headers() };
  if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers['Content-Type'] = 'application/json';
  }
  const answer = await fetch(`${ROOT}${path}`, options).catch(() => {
    throw new Refusal(0, { subject: 'studio', cause: 'it does not answer', cure: 'Is it still running? What was done is kept.' });
  });
  if (!answer.ok) throw await refusal(answer);
  return answer.status === 204 ? null : answer.json();
}

export const get = (path) => ask('GET', path);
export const post = (path, body) => ask('POST', path, body);
export const remove = (path) => ask('DELETE', path);

// One frame of a video that is not made yet.
export async function preview(body) {
  const answer = await fetch(`${ROOT}/previews`, { method: 'POST', headers: { ...headers(), 'Content-Type': 'application/json' }, body: JSON.stringify(body) }).catch(() => {
    throw new Refusal(0, { subject: 'studio', cause: 'it does not answer', cure: 'Is it still running?' });
  });
  if (!answer.ok) throw await refusal(answer);
  return { address: URL.createObjectURL(await answer.blob()), seconds: Number(answer.headers.get('preview-seconds')) };
}

const WORDS = /[\u0000-\u001f\u007f/\\:%<>|*?]/g;

// XMLHttpRequest, because fetch tells nothing of how much of a body has gone.
export function upload(file, name, told = () => {}) {
  const plain = name.replace(WORDS, '_').replace(/^[\s.~]+/, '').slice(-80) || 'file';
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('POST', `${ROOT}/uploads?name=${encodeURIComponent(plain)}`);
    request.setRequestHeader('Authorization', headers().Authorization);
    request.upload.onprogress = (event) => told(event.loaded, event.total);
    request.onload = () => {
      let content = {};
      try {
        content = JSON.parse(request.responseText);
      } catch { /* an answer without words */ }
      if (request.status === 201) resolve(content);
      else reject(new Refusal(request.status, content.error ?? { subject: plain, cause: `error ${request.status}` }));
    };
    request.onerror = () => reject(new Refusal(0, { subject: plain, cause: 'it could not be sent', cure: 'It may be too large or no media; or the studio has stopped.' }));
    request.send(file);
  });
}

const blobs = new Map();

// An address for <img> and <video>, which cannot send a header; asked for once.
export function file(path) {
  if (!blobs.has(path)) {
    const address = fetch(`${ROOT}${path}`, { headers: headers() }).then(async (answer) => {
      if (!answer.ok) throw await refusal(answer);
      return URL.createObjectURL(await answer.blob());
    });
    address.catch(() => blobs.delete(path));
    blobs.set(path, address);
  }
  return blobs.get(path);
}

export async function fresh(path) {
  const answer = await fetch(`${ROOT}${path}`, { headers: headers() });
  if (!answer.ok) throw await refusal(answer);
  return URL.createObjectURL(await answer.blob());
}

// Server-sent events over fetch: EventSource cannot send a header. Connects again for ever, from where it was.
export async function follow(onEvent, onState) {
  let after = 0;
  for (;;) {
    try {
      const answer = await fetch(`${ROOT}/events?after=${after}`, { headers: headers() });
      if (answer.status === 401) return onState('refused');
      if (!answer.ok) throw await refusal(answer);
      onState('on');
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let kept = ''; ;) {
        const { value, done } = await reader.read();
        if (done) break;
        const parts = (kept + value).split('\n\n');
        kept = parts.pop();
        for (const part of parts) {
          const fields = Object.fromEntries(part.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]));
          if (!fields.data) continue;
          after = Math.max(after, Number(fields.id));
          onEvent(fields.event, JSON.parse(fields.data));
        }
        onState('on');
      }
    } catch { /* the network, or a restart */ }
    onState('waiting');
    await new Promise((resolve) => setTimeout(resolve, 1500));
  }
}
