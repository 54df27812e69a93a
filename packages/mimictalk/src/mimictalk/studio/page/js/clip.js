// A clip: drop, report, consent, adapt. What is shown follows from the jobs: a reload changes nothing.

import * as api from './api.js';
import { button, complain, doing, find, make, time } from './dom.js';

const DISMISSED = 'mimictalk-dismissed';
const CHOSEN = 'mimictalk-chosen';
const SAID = { go: 'Good: this clip can be used', warn: 'Usable, with remarks', 'no-go': 'This clip cannot be used' };
const OWN = 'I am the person shown, and I agree to this avatar.';
const OTHER = 'The person shown agreed to this avatar; I hold their permission.';

let shown = '';
let sending = false;

export function showClip(jobs) {
  if (sending) return;
  const dismissed = localStorage.getItem(DISMISSED);
  const check = jobs.find((job) => job.kind === 'check' && job.state !== 'cancelled' && job.id !== dismissed);
  const used = check && jobs.some((job) => job.kind === 'adapt' && job.options.clip === check.options.clip && job.created > check.created);
  const now = check && !used ? `${check.id} ${check.state} ${check.stage} ${check.done}` : 'drop';
  if (now === shown) return;
  const before = shown.split(' ').slice(0, 2).join(' ');
  shown = now;
  if (now === 'drop') find('clip').replaceChildren(dropZone());
  else if (check.state === 'done' && before === `${check.id} done`) return;
  else find('clip').replaceChildren(check.state === 'done' || check.state === 'failed' ? report(check) : looking(check));
}

export function dropZone(label = 'Drop a clip of one person talking', hint = '10 seconds or more, one face, good light, clear sound. Click to choose a file.') {
  const input = make('input', { type: 'file', accept: 'video/*', 'aria-label': label, id: 'clip-file', onchange: () => input.files[0] && send(input.files[0]) });
  const zone = make('label', { class: 'drop' }, input, make('strong', {}, label), make('small', {}, hint));
  zone.addEventListener('dragover', (event) => { event.preventDefault(); zone.classList.add('over'); });
  zone.addEventListener('dragleave', () => zone.classList.remove('over'));
  zone.addEventListener('drop', (event) => {
    event.preventDefault();
    if (event.dataTransfer.files[0]) send(event.dataTransfer.files[0]);
  });
  return zone;
}

async function send(file) {
  sending = true;
  const bar = make('progress', { max: 1, value: 0, 'aria-label': 'Sending' });
  find('clip').replaceChildren(make('div', { class: 'verdict', role: 'status' }, make('div', {}, make('b', {}, 'Sending the clip'), make('small', {}, file.name), bar)));
  try {
    const clip = await api.upload(file, file.name, (done, all) => { bar.value = done / all; });
    await api.post('/checks', { clip: clip.id });
  } catch (error) {
    complain(error);
  } finally {
    sending = false;
    shown = '';
    document.dispatchEvent(new Event('studio:redraw'));
  }
}

function looking(check) {
  const bar = make('progress', check.total ? { max: check.total, value: check.done } : {});
  bar.setAttribute('aria-label', 'Looking at the clip');
  const what = check.state === 'queued' ? 'Waiting for its turn' : 'Looking at the clip';
  return make('div', { class: 'verdict', role: 'status' }, make('div', {}, make('b', {}, what), make('small', {}, check.title), bar),
    button('Stop', () => api.post(`/jobs/${check.id}/cancel`)));
}

function report(check) {
  const verdict = check.verdict ?? 'failed';
  const remarks = check.error ? [`${check.error.cause}.`, check.error.cure] : check.warnings;
  const facts = check.facts.seconds ? `${check.title}, ${time(check.facts.seconds)}${check.facts.speech ? ', with speech' : ', without speech'}` : check.title;
  const again = button('Another clip', () => { localStorage.setItem(DISMISSED, check.id); document.dispatchEvent(new Event('studio:redraw')); });
  const head = make('div', { class: `verdict ${verdict}`, role: 'status' }, make('div', {}, make('b', {}, SAID[verdict] ?? 'The clip could not be looked at'),
    make('small', {}, facts), remarks.length ? make('ul', {}, remarks.filter(Boolean).map((text) => make('li', {}, text))) : null));
  return verdict === 'go' || verdict === 'warn' ? make('div', {}, head, question(check, again)) : make('div', {}, head, again);
}

function question(check, again) {
  const choice = (value, text) => make('label', { class: 'choice' }, make('input', { type: 'radio', name: 'consent', value, required: true }), text);
  const name = make('input', { type: 'text', id: 'avatar-name', maxLength: 80, value: check.title.replace(/\.[^.]*$/, '').slice(0, 60), required: true });
  const minutes = make('select', { id: 'avatar-time' }, [['', 'the best likeness'], ['120', 'within 2 minutes'], ['600', 'within 10 minutes']].map(([value, text]) => make('option', { value }, text)));
  const form = make('form', {},
    make('p', {}, 'Whose face and voice is this?'), choice(OWN, 'Mine: I am the person shown.'), choice(OTHER, 'Someone else’s, and they agreed to this avatar.'),
    make('div', { class: 'fields' }, make('label', {}, 'Name', name), make('label', {}, 'Learn for', minutes)),
    make('div', { class: 'row' }, make('button', { type: 'submit', class: 'primary' }, 'Make the avatar'), again));
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const consent = new FormData(form).get('consent');
    const asked = { clip: check.options.clip, name: name.value.trim(), consent };
    if (minutes.value) asked.budget_s = Number(minutes.value);
    const submit = form.querySelector('[type=submit]');
    await doing(async () => {
      await api.post('/avatars', asked);
      localStorage.removeItem(CHOSEN); // whoever is new is the one to speak
    })({ currentTarget: submit });
  });
  return form;
}
