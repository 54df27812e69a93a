// How a person moves and looks: one set of controls, which shows and changes one of several settings.

import { make } from './dom.js';

// Ranges are those of the API (mimictalk.motion_controls).
const PLAIN = { strength: 1, mouth: 1, blink: 1, pose: 'ref', yaw: 0, pitch: 0, roll: 0, gaze: 'auto', side: 0, down: 0, background: 'keep', colour: '#00b140', picture: null, label: false };

const field = (text, input) => make('label', {}, text, input);
const select = (id, options) => make('select', { id }, options.map(([value, text]) => make('option', { value }, text)));

export const plain = () => ({ ...PLAIN });

// What the API is asked for one setting; `spoken` leaves out what a driving clip decides.
export function asked(setting, spoken, background) {
  const { mouth, blink, pose, gaze } = setting;
  const found = { mouth, blink: blink === 0 ? 'none' : blink === 1 ? 'auto' : blink };
  if (spoken) found.style_strength = setting.strength;
  found.pose = pose === 'held' ? `${setting.yaw},${setting.pitch},${setting.roll}` : pose;
  found.gaze = gaze === 'chosen' ? `${setting.side},${setting.down}` : gaze;
  if (background) found.background = background;
  if (setting.label) found.label = 'AI-generated';
  return found;
}

export function words(setting) {
  const parts = [`style ${setting.strength}`, `mouth ${setting.mouth}`];
  if (setting.blink !== 1) parts.push(setting.blink ? `blinks ${setting.blink}` : 'no blinks');
  if (setting.pose !== 'ref') parts.push(setting.pose === 'static' ? 'still head' : `head ${setting.yaw}°, ${setting.pitch}°, ${setting.roll}°`);
  if (setting.gaze !== 'auto') parts.push(setting.gaze === 'forward' ? 'looks ahead' : `looks ${setting.side}°, ${setting.down}°`);
  if (setting.background !== 'keep') parts.push('own background');
  return parts.join(' · ');
}

// The controls: `show(setting)` brings them up to date, `changed(setting)` is called when one is turned.
export function buildControls(changed) {
  let now = plain();
  const inputs = {};
  const put = (name, value) => { now[name] = value; follow(); changed(now); };

  function slider(name, text, min, max, step, unit = '') {
    const shown = make('output', { for: name });
    const input = make('input', { type: 'range', id: name, min, max, step, value: String(PLAIN[name]) });
    input.addEventListener('input', () => put(name, Number(input.value)));
    inputs[name] = () => {
      input.value = now[name];
      shown.textContent = unit ? `${now[name]}${unit}` : `×${now[name].toFixed(1)}`;
      input.setAttribute('aria-valuetext', shown.textContent);
    };
    return field(make('span', { class: 'named' }, text, shown), input);
  }
  function choice(name, text, options) {
    const input = select(name, options);
    input.addEventListener('change', () => put(name, input.value));
    inputs[name] = () => { input.value = now[name]; };
    return field(text, input);
  }

  const turns = make('div', { class: 'fields turns', role: 'group', 'aria-label': 'Angles of the head' },
    slider('yaw', 'Turn', '-20', '20', '1', '°'), slider('pitch', 'Nod', '-12', '12', '1', '°'), slider('roll', 'Tilt', '-15', '15', '1', '°'));
  const looks = make('div', { class: 'fields turns', role: 'group', 'aria-label': 'Angles of the eyes' },
    slider('side', 'Eyes to the side', '-20', '20', '1', '°'), slider('down', 'Eyes down', '-6', '6', '1', '°'));
  const colour = make('input', { type: 'color', id: 'colour', value: PLAIN.colour, 'aria-label': 'Colour of the background' });
  colour.addEventListener('input', () => put('colour', colour.value));
  const picture = make('input', { type: 'file', id: 'picture', accept: 'image/png,image/jpeg,image/webp', 'aria-label': 'Picture for the background' });
  picture.addEventListener('change', () => { if (picture.files[0]) put('picture', { file: picture.files[0] }); });
  const label = make('input', { type: 'checkbox', id: 'label' });
  label.addEventListener('change', () => put('label', label.checked));
  const style = slider('strength', 'Talking style', '0', '3', '0.1');
  const reset = make('button', { type: 'button', onclick: () => { Object.assign(now, plain()); follow(); changed(now); } }, 'Reset');

  function follow() {
    for (const update of Object.values(inputs)) update();
    turns.hidden = now.pose !== 'held';
    looks.hidden = now.gaze !== 'chosen';
    colour.hidden = now.background !== 'colour';
    picture.hidden = now.background !== 'picture';
    colour.value = now.colour;
    label.checked = now.label;
  }
  const fields = make('div', { class: 'fields' }, style,
    slider('mouth', 'Mouth', '0', '2', '0.1'), slider('blink', 'Blinks', '0', '2', '0.1'),
    choice('pose', 'Head', [['ref', 'as in the reference clip'], ['static', 'still'], ['held', 'held at an angle']]),
    choice('gaze', 'Eyes', [['auto', 'as in the reference clip'], ['forward', 'straight ahead'], ['chosen', 'at an angle']]),
    choice('background', 'Background', [['keep', 'as in the clip'], ['colour', 'one colour'], ['picture', 'a picture']]));
  const element = make('div', {}, fields, turns, looks, make('div', { class: 'row' }, colour, picture),
    make('label', { class: 'choice' }, label, 'Show “AI-generated” in a corner'), reset);
  follow();
  return {
    element,
    show: (setting) => { now = setting; follow(); },
    spoken: (does) => { style.hidden = !does; },
  };
}
