// The page is a view of the jobs: it holds no state that a reload would lose.

import * as api from './api.js';
import { find } from './dom.js';
import { showClip } from './clip.js';
import { showFilms } from './films.js';
import { remember, showPeople } from './people.js';
import { buildSpeak } from './speak.js';
import { showWork } from './work.js';

const jobs = new Map();
const newest = () => [...jobs.values()].sort((a, b) => b.created - a.created);
const refreshSpeak = buildSpeak(newest);
let drawing = false;

function redraw() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    const now = newest();
    remember(now);
    showClip(now);
    showWork(now);
    showPeople(now);
    showFilms(now);
    refreshSpeak();
  });
}

function onEvent(name, data) {
  if (name === 'deleted') jobs.delete(data.id);
  else if ((jobs.get(data.id)?.version ?? 0) <= data.version) jobs.set(data.id, data);
  redraw();
}

const STATES = { on: 'connected', waiting: 'connecting again', refused: 'no token' };

function onState(state) {
  find('connection').dataset.state = state;
  if (find('connection').textContent !== STATES[state]) find('connection').textContent = STATES[state];
  if (state === 'refused') signIn();
}

function signIn() {
  const dialog = find('sign-in');
  find('sign-in-wrong').hidden = !api.takeToken(); // one was tried
  dialog.addEventListener('cancel', (event) => event.preventDefault());
  dialog.querySelector('form').addEventListener('submit', () => {
    api.setToken(find('token').value);
    start();
  }, { once: true });
  dialog.showModal();
}

function start() {
  api.follow(onEvent, onState);
}

document.addEventListener('studio:redraw', redraw);
redraw();
if (api.takeToken()) start();
else onState('refused');
