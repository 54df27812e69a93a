// One frame of each setting, drawn while the controls are turned. One picture is on its way at a time; what was
// turned meanwhile is asked for when it has come, so that the newest wins and the studio is never flooded.

import * as api from './api.js';
import { make } from './dom.js';

const QUIET_MS = 150;
const LATER = [0, 429, 503];
const LATER_MS = 3000;

export function buildPreview(name, wanted, told) {
  const picture = make('img', { class: 'frame', width: 512, height: 512, alt: '' });
  const state = make('small', { role: 'status' });
  const element = make('figure', { class: 'preview', 'aria-busy': 'false' }, picture, make('figcaption', {}, make('b', {}, name), state));
  let timer = 0;
  let busy = false;
  let again = false;
  let shown = '';

  async function ask() {
    timer = 0;
    const question = wanted();
    if (!question) return;
    const key = JSON.stringify(question);
    if (key === shown) return;
    busy = true;
    again = false;
    element.setAttribute('aria-busy', 'true');
    if (!picture.src) state.textContent = 'Loading the person, which takes a moment';
    try {
      const { address, seconds } = await api.preview(question);
      const old = picture.src;
      picture.src = address;
      picture.alt = `One frame of setting ${name}`;
      if (old) URL.revokeObjectURL(old);
      shown = key;
      state.textContent = '';
      told(seconds);
    } catch (error) {
      state.textContent = `${error.cause ?? error.message ?? error}. ${error.cure ?? ''}`;
      if (LATER.includes(error.status)) setTimeout(refresh, LATER_MS);
      else shown = key; // the same question has the same answer
    } finally {
      busy = false;
      element.setAttribute('aria-busy', 'false');
    }
    if (again) refresh();
  }
  function refresh() {
    again = true;
    if (!busy && !timer) timer = setTimeout(ask, QUIET_MS); // with what is wanted then
  }
  return { element, refresh };
}
