// Jobs that wait, run, rest or failed.

import * as api from './api.js';
import { button, find, keep, make, time } from './dom.js';
import { chart } from './chart.js';

const KINDS = { adapt: 'Making the avatar', render: 'Making the video', motion: 'Making the motion file' };
const LATER_MS = 2000;
const DISMISSED = 'mimictalk-put-away';

export function showWork(jobs) {
  const away = JSON.parse(sessionStorage.getItem(DISMISSED) ?? '[]');
  const open = jobs.filter((job) => job.kind !== 'check' && job.state !== 'done' && job.state !== 'cancelled' && !away.includes(job.id));
  find('work').hidden = !open.length;
  keep(find('jobs'), open, (job) => job.id, build);
}

function build(job) {
  const title = make('h3', {}, `${KINDS[job.kind]}: ${job.title}`);
  const state = make('small', { role: 'status' });
  const actions = make('div', { class: 'row' });
  const bar = make('progress', { class: 'wide', 'aria-label': job.title });
  const live = make('div', { class: 'live wide' });
  const remarks = make('div', { class: 'wide', hidden: true });
  const item = make('li', { class: 'job' }, make('div', {}, title, state), actions, bar, live, remarks);
  const seen = { actions: '', curve: 0, picture: 0 };
  item.update = (now) => {
    state.textContent = words(now);
    if (now.total && now.state !== 'queued') Object.assign(bar, { max: now.total, value: now.done });
    else bar.removeAttribute('value');
    bar.hidden = !['running', 'paused'].includes(now.state);
    const key = `${now.state} ${now.wanted}`;
    if (key !== seen.actions) {
      seen.actions = key;
      actions.replaceChildren(...buttons(now));
    }
    remarks.hidden = !now.error && !now.warnings.length;
    remarks.className = `wide verdict ${now.error ? 'failed' : 'warn'}`;
    const said = now.error ? [`${now.error.cause}.`, now.error.cure] : now.warnings;
    remarks.replaceChildren(make('div', {}, now.error ? make('b', {}, now.error.subject) : null, make('ul', {}, said.filter(Boolean).map((text) => make('li', {}, text)))));
    if (now.kind === 'adapt') look(now, live, seen);
  };
  return item;
}

function words(job) {
  if (job.wanted === 'pause') return 'stopping, what is done is kept';
  if (job.wanted === 'cancel') return 'stopping';
  if (job.state === 'queued') return 'waiting for its turn';
  if (job.state === 'paused') return `paused at ${job.stage} ${job.done}/${job.total}`;
  if (job.state === 'failed') return 'failed';
  const left = job.eta_s === null ? '' : `, ${time(job.eta_s)} left in this stage`;
  return `${job.stage || 'starting'}${job.total ? ` ${job.done}/${job.total}` : ''}${left}`;
}

function buttons(job) {
  const ask = (wish) => () => api.post(`/jobs/${job.id}/${wish}`);
  const found = [];
  if (!job.wanted && ['running', 'queued'].includes(job.state)) found.push(button('Pause', ask('pause')));
  if (['paused', 'failed'].includes(job.state)) found.push(button(job.state === 'paused' ? 'Resume' : 'Try again', ask('resume'), { class: 'primary' }));
  if (['running', 'queued', 'paused'].includes(job.state) && job.wanted !== 'cancel') found.push(button('Cancel', ask('cancel'), { class: 'danger' }));
  if (job.state === 'failed') found.push(button('Remove', () => api.remove(`/jobs/${job.id}`)));
  return found;
}

// The picture and the curves of a person who is being learned; once more when nothing was told for a while.
async function look(job, live, seen, last = false) {
  clearTimeout(seen.later);
  if (!['running', 'paused'].includes(job.state)) return;
  if (!last) seen.later = setTimeout(() => look(job, live, seen, true), LATER_MS);
  const now = Date.now();
  const slots = live.slots ??= { picture: make('div'), curves: make('div'), held: make('div') };
  if (job.files.includes('progress.png') && now - seen.picture > 8000) {
    seen.picture = now;
    await show(job, 'progress.png', slots.picture, 'Source, true frame, and the avatar so far', 'source · true frame · avatar so far');
  }
  if (job.files.includes('held_out.svg') && now - (seen.held ?? 0) > 8000) {
    seen.held = now;
    await show(job, 'held_out.svg', slots.held, 'Curve of the held-out frames', '');
  }
  if (now - seen.curve > 1500) {
    seen.curve = now;
    const all = await api.get(`/jobs/${job.id}/curve`).catch(() => []);
    const points = all.filter((point) => point.stage === (all.some((each) => each.stage === job.stage) ? job.stage : 'adapt'));
    if (points.length > 1) slots.curves.replaceChildren(chart(points));
  }
  if (!live.children.length && (slots.picture.children.length || slots.curves.children.length)) live.append(slots.picture, make('div', {}, slots.curves, slots.held));
}

async function show(job, name, place, description, below) {
  const address = await api.fresh(`/jobs/${job.id}/files/${name}`).catch(() => null);
  if (!address) return;
  const old = place.querySelector('img');
  place.replaceChildren(make('img', { src: address, alt: description }), below ? make('small', {}, below) : '');
  if (old) URL.revokeObjectURL(old.src);
}
