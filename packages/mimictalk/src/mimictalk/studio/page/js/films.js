// Finished videos: watch, check, download, share, compare; motion files.

import * as api from './api.js';
import { button, find, keep, make } from './dom.js';

const compared = new Set();

export function showFilms(jobs) {
  const done = jobs.filter((job) => ['render', 'motion'].includes(job.kind) && job.state === 'done');
  find('films').hidden = !done.length;
  keep(find('videos'), done, (job) => job.id, (job) => (job.kind === 'render' ? film(job) : motionFile(job)));
  for (const id of compared) if (!done.some((job) => job.id === id)) compared.delete(id);
}

const plain = (title) => title.replace(/\.[A-Za-z0-9]{2,4}$/, '').replace(/[^\p{L}\p{N} ._-]+/gu, '-');

async function download(path, name) {
  make('a', { href: await api.file(path), download: name }).click();
}

function film(job) {
  const path = `/jobs/${job.id}/files/video.mp4`;
  const video = make('video', { controls: true, playsInline: true, preload: 'metadata', 'aria-label': job.title });
  api.file(path).then((address) => { video.src = address; }, () => {});
  const name = `${plain(job.title)}.mp4`;
  const share = async () => {
    const blob = await (await fetch(await api.file(path))).blob();
    await navigator.share({ files: [new File([blob], name, { type: 'video/mp4' })] }).catch(() => {});
  };
  const able = navigator.canShare?.({ files: [new File([], name, { type: 'video/mp4' })] });
  const compare = make('input', { type: 'checkbox', onchange: () => choose(job.id, compare.checked) });
  return make('li', {}, video, make('h3', {}, job.title), make('small', {}, settings(job)), proof(job),
    make('div', { class: 'row' },
      button('Download', () => download(path, name), { class: 'primary' }),
      able ? button('Share', share) : null,
      job.options.audio || job.options.drive ? button('ARKit CSV', () => api.post('/motions', job.options.audio
        ? { audio: job.options.audio, name: `${plain(job.title)}` } : { clip: job.options.drive, name: `${plain(job.title)}` })) : null,
      button('Delete', async () => { if (confirm('Delete this video?')) await api.remove(`/jobs/${job.id}`); }, { class: 'danger' })),
    make('label', { class: 'choice' }, compare, 'Compare side by side'));
}

function settings(job) {
  const { style_strength: strength, mouth, pose, blink, gaze, background, drive } = job.options;
  const parts = drive ? ['copied from a clip'] : [`style ${strength ?? 1}`];
  if ((mouth ?? 1) !== 1) parts.push(`mouth ${mouth}`);
  if (pose && pose !== 'ref') parts.push(pose === 'static' ? 'still head' : pose.includes(',') ? `head ${pose.replaceAll(',', '°, ')}°` : 'head of a clip');
  if (blink && blink !== 'auto') parts.push(blink === 'none' ? 'no blinks' : `blinks ${blink}`);
  if (gaze && gaze !== 'auto') parts.push(gaze === 'forward' ? 'looks ahead' : `looks ${gaze.replaceAll(',', '°, ')}°`);
  if (background?.startsWith('#')) parts.push(`background ${background}`);
  else if (background && background !== 'keep') parts.push('own background');
  return parts.join(' · ');
}

function proof(job) {
  const told = job.provenance ?? {};
  const tool = told.mark?.tool ? ` by ${told.mark.tool}` : '';
  return make('details', { class: told.marked ? 'proof' : 'proof none' },
    make('summary', {}, told.marked ? `Marked as synthetic${tool}` : 'No mark was found'),
    (told.findings ?? []).length ? make('ul', {}, told.findings.map((text) => make('li', {}, text))) : null,
    make('pre', { tabindex: '0' }, JSON.stringify(told, null, 1)));
}

function motionFile(job) {
  const path = `/jobs/${job.id}/files/face.csv`;
  return make('li', {}, make('h3', {}, `Motion: ${job.title}`), make('small', {}, 'Live Link Face CSV, ARKit’s 52 shapes and the head'),
    make('div', { class: 'row' }, button('Download CSV', () => download(path, `${plain(job.title)}.csv`), { class: 'primary' }),
      button('Delete', () => api.remove(`/jobs/${job.id}`), { class: 'danger' })));
}

function choose(id, wanted) {
  if (wanted) compared.add(id);
  else compared.delete(id);
  while (compared.size > 2) {
    const first = compared.values().next().value;
    compared.delete(first);
    find('videos').querySelector(`[data-key="${first}"] input[type=checkbox]`).checked = false;
  }
  const place = find('comparison');
  place.hidden = compared.size < 2;
  if (place.hidden) return place.replaceChildren();
  const cards = [...compared].map((key) => find('videos').querySelector(`[data-key="${key}"]`));
  const films = cards.map((card) => make('video', { src: card.querySelector('video').src, playsInline: true, muted: true, loop: true, preload: 'auto' }));
  films[0].muted = false;
  const both = button('Play both', async () => {
    if (!films[0].paused) return films.forEach((each) => each.pause());
    films[1].currentTime = films[0].currentTime;
    await Promise.all(films.map((each) => each.play()));
  });
  films[0].addEventListener('timeupdate', () => {
    if (Math.abs(films[1].currentTime - films[0].currentTime) > 0.08) films[1].currentTime = films[0].currentTime;
  });
  films[0].addEventListener('play', () => { both.textContent = 'Pause both'; });
  films[0].addEventListener('pause', () => { both.textContent = 'Play both'; });
  place.replaceChildren(make('div', { class: 'side' }, films.map((each, index) => make('div', {}, each,
    make('small', {}, cards[index].querySelector('small').textContent)))), make('div', { class: 'row' }, both));
}
