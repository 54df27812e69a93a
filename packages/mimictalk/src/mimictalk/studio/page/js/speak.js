// What an avatar is to say, and how.

import * as api from './api.js';
import { doing, find, make } from './dom.js';
import { chosen } from './people.js';
import { recorder } from './recorder.js';

const field = (text, input) => make('label', {}, text, input);
const select = (id, options) => make('select', { id }, options.map(([value, text]) => make('option', { value }, text)));

export function buildSpeak(jobsNow) {
  let driver = null;
  const heard = make('audio', { controls: true, hidden: true });
  const named = make('p', { class: 'soft', role: 'status' }, 'Record, or choose a sound file. A video drives the face with its own motion.');
  const take = (blob, name) => {
    driver = { blob, name, video: (blob.type ?? '').startsWith('video/') };
    heard.hidden = driver.video;
    if (!driver.video) heard.src = URL.createObjectURL(blob);
    motion.hidden = !driver.video;
    named.textContent = name;
    showMotion();
    refresh();
  };
  const input = make('input', { type: 'file', accept: 'audio/*,video/*', id: 'speech-file', 'aria-label': 'Sound or driving clip', onchange: () => input.files[0] && take(input.files[0], input.files[0].name) });
  const zone = make('label', { class: 'drop' }, input, make('strong', {}, 'Drop speech, or a clip to copy'), make('small', {}, 'wav, mp3, m4a, mp4, webm and others. Click to choose a file.'));
  zone.addEventListener('dragover', (event) => { event.preventDefault(); zone.classList.add('over'); });
  zone.addEventListener('dragleave', () => zone.classList.remove('over'));
  zone.addEventListener('drop', (event) => { event.preventDefault(); zone.classList.remove('over'); if (event.dataTransfer.files[0]) take(event.dataTransfer.files[0], event.dataTransfer.files[0].name); });

  const role = select('role', [['drive', 'copy its face motion'], ['audio', 'only say its sound']]);
  role.addEventListener('change', () => showMotion());
  const motion = make('div', { hidden: true }, field('This is a video:', role));
  const strength = make('input', { type: 'range', id: 'strength', min: '0', max: '3', step: '0.1', value: '1' });
  const shownStrength = make('output', { for: 'strength' }, '1.0');
  strength.addEventListener('input', () => { shownStrength.textContent = Number(strength.value).toFixed(1); });
  const pose = select('pose', [['ref', 'as in the reference clip'], ['static', 'still']]);
  const blink = select('blink', [['auto', 'natural'], ['none', 'none']]);
  const back = select('background', [['keep', 'as in the clip'], ['colour', 'one colour'], ['picture', 'a picture']]);
  const colour = make('input', { type: 'color', id: 'colour', value: '#00b140', hidden: true, 'aria-label': 'Colour of the background' });
  const picture = make('input', { type: 'file', id: 'picture', accept: 'image/png,image/jpeg,image/webp', hidden: true, 'aria-label': 'Picture for the background' });
  back.addEventListener('change', () => { colour.hidden = back.value !== 'colour'; picture.hidden = back.value !== 'picture'; });
  const label = make('input', { type: 'checkbox', id: 'label' });
  const spoken = make('div', { class: 'fields' }, field(make('span', {}, 'Talking style ×', shownStrength), strength), field('Head', pose), field('Blinks', blink));
  const showMotion = () => { spoken.hidden = Boolean(driver?.video) && role.value === 'drive'; };
  const go = make('button', { type: 'submit', class: 'primary' }, 'Make the video');
  const who = make('p', { class: 'soft' });
  const bar = make('progress', { max: 1, value: 0, hidden: true, 'aria-label': 'Sending' });
  const form = make('form', {}, recorder(take), zone, named, heard, motion,
    make('details', {}, make('summary', {}, 'How it moves and looks'), spoken,
      make('div', { class: 'fields' }, field('Background', back), colour, picture),
      make('label', { class: 'choice' }, label, 'Show “AI-generated” in a corner')),
    bar, make('div', { class: 'row' }, go, who));

  async function send() {
    bar.hidden = false;
    const told = (done, all) => { bar.value = done / all; };
    try {
      driver.id ??= (await api.upload(driver.blob, driver.name, told)).id;
      const asked = { avatar: chosen(jobsNow()).id };
      if (driver.video && role.value === 'drive') asked.drive = driver.id;
      else Object.assign(asked, { audio: driver.id, style_strength: Number(strength.value), pose: pose.value, blink: blink.value });
      if (back.value === 'colour') asked.background = colour.value;
      if (back.value === 'picture' && picture.files[0]) asked.background = (await api.upload(picture.files[0], picture.files[0].name, told)).id;
      if (label.checked) asked.label = 'AI-generated';
      await api.post('/renders', asked);
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
  };
  find('render').replaceChildren(form);
  refresh();
  return refresh;
}
