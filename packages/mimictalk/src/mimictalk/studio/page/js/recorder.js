// Speech recorded in the page.

import { complain, make } from './dom.js';

export function recorder(onSound) {
  const able = navigator.mediaDevices?.getUserMedia && window.MediaRecorder;
  const state = make('small', { role: 'status' }, able ? '' : 'Recording needs a microphone and a local or encrypted page.');
  const control = make('button', { type: 'button', disabled: !able }, '● Record');
  let running = null;
  control.addEventListener('click', async () => {
    if (running) return running.stop();
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
      const parts = [];
      const began = Date.now();
      running = new MediaRecorder(stream);
      running.ondataavailable = (event) => parts.push(event.data);
      const tick = setInterval(() => { state.textContent = `${Math.round((Date.now() - began) / 1000)} s`; }, 500);
      running.onstop = () => {
        clearInterval(tick);
        stream.getTracks().forEach((track) => track.stop());
        running = null;
        control.textContent = '● Record again';
        control.classList.remove('recording');
        state.textContent = `recorded ${Math.round((Date.now() - began) / 1000)} s`;
        onSound(new Blob(parts, { type: parts[0]?.type }), `recording ${new Date().toISOString().slice(11, 19).replaceAll(':', '.')}`);
      };
      running.start(1000);
      control.textContent = '■ Stop';
      control.classList.add('recording');
    } catch (error) {
      complain({ subject: 'microphone', cause: error.message || 'it cannot be used', cure: 'Allow it in the browser, or choose a file.' });
    }
  });
  return make('div', { class: 'row' }, control, state);
}
