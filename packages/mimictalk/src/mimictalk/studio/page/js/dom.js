// Elements without markup: text is always text, whatever a file is called.

export function make(name, attributes = {}, ...children) {
  const element = name === 'svg' || name.startsWith('svg:')
    ? document.createElementNS('http://www.w3.org/2000/svg', name.replace('svg:', ''))
    : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith('on')) element.addEventListener(key.slice(2), value);
    else if (key in element && typeof value !== 'string') element[key] = value;
    else element.setAttribute(key, value === true ? '' : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const find = (id) => document.getElementById(id);

export function complain(error) {
  const { subject, cause, cure } = error;
  const text = cause ? `${subject}: ${cause}. ${cure ?? ''}` : String(error.message ?? error);
  const close = make('button', { type: 'button', onclick: () => line.remove() }, 'Close');
  const line = make('div', {}, make('p', {}, text), close);
  find('messages').append(line);
}

// Runs what a click asks for; the button rests meanwhile, and a refusal is shown.
export function doing(action) {
  return async (event) => {
    const button = event?.currentTarget;
    if (button) button.disabled = true;
    try {
      await action(event);
    } catch (error) {
      complain(error);
    } finally {
      if (button) button.disabled = false;
    }
  };
}

export function button(text, action, attributes = {}) {
  return make('button', { type: 'button', onclick: doing(action), ...attributes }, text);
}

// A list whose items are made once per key and brought up to date afterwards: nothing that plays is torn out.
export function keep(list, entries, key, build) {
  const old = new Map([...list.children].map((item) => [item.dataset.key, item]));
  const items = entries.map((entry) => {
    let item = old.get(key(entry));
    old.delete(key(entry));
    if (!item) {
      item = build(entry);
      item.dataset.key = key(entry);
    }
    item.update?.(entry);
    return item;
  });
  for (const item of old.values()) item.remove();
  items.forEach((item, index) => {
    if (list.children[index] !== item) list.insertBefore(item, list.children[index] ?? null);
  });
}

export function time(seconds) {
  if (seconds === null || seconds === undefined || !isFinite(seconds)) return '';
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}
