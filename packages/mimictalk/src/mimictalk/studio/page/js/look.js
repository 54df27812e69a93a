// How it moves and looks: the controls, one frame of what they make, and a second setting beside it.

import * as api from './api.js';
import { complain, make, time } from './dom.js';
import { asked, buildControls, plain, words } from './controls.js';
import { buildPreview } from './preview.js';

const NAMES = ['A', 'B'];
const back = (setting) => ({ colour: setting.colour, picture: setting.picture?.id })[setting.background] ?? null;

// `person()` is the avatar's id, `sound()` a promise of the speech's upload id; null without one.
export function buildLook(person, sound, spoken) {
  const settings = { A: plain(), B: plain() };
  let chosen = 'A';
  const at = make('input', { type: 'range', id: 'at', min: '0', max: '10', step: '0.04', value: '1' });
  const shownAt = make('output', { for: 'at' });
  let speech = null;
  const backs = new Map();

  const question = (name) => {
    const setting = settings[name];
    if (!person() || !element.open || (name === 'B' && !comparing.checked)) return null;
    return { avatar: person(), at: Number(at.value), ...(speech ? { audio: speech } : {}), ...asked(setting, true, back(setting)) };
  };
  const previews = Object.fromEntries(NAMES.map((name) => [name, buildPreview(name, () => question(name), (seconds) => {
    at.max = String(Math.max(0, seconds - 0.04));
    showMoment();
  })]));
  const comparing = make('input', { type: 'checkbox', id: 'comparing' });
  const pick = Object.fromEntries(NAMES.map((name) => [name, make('input', { type: 'radio', name: 'setting', id: `setting-${name}`, value: name, checked: name === 'A' })]));
  const which = make('fieldset', { class: 'row', hidden: true }, make('legend', {}, 'Change and use'),
    NAMES.map((name) => make('label', { class: 'choice' }, pick[name], `Setting ${name}`)));
  const said = make('small', { role: 'status' });
  const controls = buildControls(async (setting) => {
    const { picture } = setting;
    if (setting.background === 'picture' && picture && !picture.id) {
      try {
        if (!backs.has(picture.file)) backs.set(picture.file, api.upload(picture.file, picture.file.name));
        picture.id = (await backs.get(picture.file)).id;
      } catch (error) {
        backs.delete(picture.file);
        complain(error);
      }
    }
    refresh();
  });

  const showMoment = () => { shownAt.textContent = `${Number(at.value).toFixed(1)} s`; at.setAttribute('aria-valuetext', time(Number(at.value))); };
  const sides = make('div', { class: 'side alone' }, previews.A.element, previews.B.element);
  const element = make('details', {}, make('summary', {}, 'How it moves and looks'), sides,
    make('label', {}, make('span', { class: 'named' }, 'Moment', shownAt), at),
    make('label', { class: 'choice' }, comparing, 'Compare with a second setting'), which, said, controls.element);

  at.addEventListener('input', () => { showMoment(); refresh(); });
  for (const name of NAMES) {
    pick[name].addEventListener('change', () => {
      chosen = name;
      controls.show(settings[name]);
      refresh();
    });
  }
  comparing.addEventListener('change', () => {
    if (comparing.checked) settings.B = { ...settings[chosen] };
    chosen = comparing.checked ? 'B' : 'A';
    pick[chosen].checked = true;
    controls.show(settings[chosen]);
    refresh();
  });
  element.addEventListener('toggle', refresh);

  function refresh() {
    which.hidden = previews.B.element.hidden = !comparing.checked;
    sides.classList.toggle('alone', !comparing.checked);
    sides.hidden = !person();
    for (const name of NAMES) previews[name].element.classList.toggle('chosen', comparing.checked && name === chosen);
    const note = spoken() ? '' : 'The preview moves as in the reference clip; the video will move as your clip does. ';
    said.textContent = comparing.checked ? `${note}A: ${words(settings.A)}. B: ${words(settings.B)}.` : note;
    controls.spoken(spoken());
    for (const name of NAMES) previews[name].refresh();
  }
  async function hear() {
    speech = null;
    const sending = sound();
    refresh();
    if (!sending || !spoken()) return;
    try {
      const id = await sending;
      if (sending === sound()) speech = id;
    } catch { /* told where the video is asked for */ }
    refresh();
  }
  controls.show(settings[chosen]);
  showMoment();
  previews.B.element.hidden = true;
  return {
    element,
    refresh,
    hear,
    // What the video is asked for.
    asked() {
      return asked(settings[chosen], spoken(), back(settings[chosen]));
    },
  };
}
