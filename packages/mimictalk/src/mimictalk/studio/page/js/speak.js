// What an avatar is to say, and how.

import * as api from './api.js';
import { doing, find, make } from './dom.js';
import { buildLook } from './look.js';
import { chosen } from './people.js';
import { recorder } from './recorder.js';

export function buildSpeak(jobsNow) {
  let driver = null;
  const heard = make('audio', { controls: true, hidden: true });
  const named = make('p', { class: 'soft', role: 'status' }, 'Record, or choose a sound file. A video drives the face with its own motion.');
  const bar = make('progress', { max: 1, value: 0, hidden: true, 'aria-label': 'Sending' });
  const take = (blob, name) => {
    driver = { blob, name, video: (blob.type ?? '').startsWith('video/') };
    heard.hidden = driver.video;
    if (!driver.video) heard.src = URL.createObjectURL(blob);
    motion.hidden = !driver.video;
    named.textContent = name;
    look.hear();
    refresh();
  };
  const input = make('input', { type: 'file', accept: 'audio/*,video/*', id: 'speech-file', 'aria-label': 'Sound or driving clip', onchange: () => input.files[0] && take(input.files[0], input.files[0].name) });
  const zone = make('label', { class: 'drop' }, input, make('strong', {}, 'Drop speech, or a clip to copy'), make('small', {}, 'wav, mp3, m4a, mp4, webm and others. Click to choose a file.'));
  zone.addEventListener('dragover', (event) => { event.preventDefault(); zone.classList.add('over'); });
  zone.addEventListener('dragleave', () => zone.classList.remove('over'));
  zone.addEventListener('drop', (event) => { event.preventDefault(); zone.classList.remove('over'); if (event.dataTransfer.files[0]) take(event.dataTransfer.files[0], event.dataTransfer.files[0].name); });

  const role = make('select', { id: 'role' }, make('option', { value: 'drive' }, 'copy its face motion'), make('option', { value: 'audio' }, 'only say its sound'));
  role.addEventListener('change', () => look.hear());
  const motion = make('div', { hidden: true }, make('label', {}, 'This is a video:', role));
  const spoken = () => !driver?.video || role.value === 'audio';
  // Sent once, by the first who needs it: the preview or the video.
  const sent = () => {
    if (!driver) return null;
    driver.sending ??= api.upload(driver.blob, driver.name, (done, all) => { bar.value = done / all; }).then((upload) => upload.id);
    driver.sending.catch(() => { driver.sending = null; });
    return driver.sending;
  };
  const look = buildLook(() => chosen(jobsNow())?.id, () => (look.element.open ? sent() : null), spoken);
  look.element.addEventListener('toggle', () => look.hear());
  const go = make('button', { type: 'submit', class: 'primary' }, 'Make the video');
  const who = make('p', { class: 'soft' });
  const form = make('form', {}, recorder(take), zone, named, heard, motion, look.element, bar, make('div', { class: 'row' }, go, who));

  async function send() {
    bar.hidden = false;
    try {
      const id = await sent();
      await api.post('/renders', { avatar: chosen(jobsNow()).id, [spoken() ? 'audio' : 'drive']: id, ...look.asked() });
    } finally {
      bar.hidden = true;
    }
  }
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    await doing(send)({ currentTarget: go });
    refresh();
  });
  const refresh = () => {
    const person = chosen(jobsNow());
    go.disabled = !person || !driver;
    who.textContent = person ? `${person.title} will speak.` : 'Make an avatar first.';
    look.refresh();
  };
  find('render').replaceChildren(form);
  refresh();
  return refresh;
}
