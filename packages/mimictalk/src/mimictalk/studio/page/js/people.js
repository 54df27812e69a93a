// Avatars as cards; one of them is chosen.

import * as api from './api.js';
import { button, find, keep, make } from './dom.js';

const CHOSEN = 'mimictalk-chosen';

export const chosen = (jobs) => {
  const people = avatars(jobs);
  return people.find((job) => job.id === localStorage.getItem(CHOSEN)) ?? people[0] ?? null;
};

export const avatars = (jobs) => jobs.filter((job) => job.kind === 'adapt' && job.state === 'done');

export function showPeople(jobs) {
  const now = chosen(jobs);
  keep(find('avatars'), avatars(jobs), (job) => job.id, (job) => {
    const picture = make('img', { alt: '', width: 160, height: 160 });
    api.file(`/avatars/${job.id}/preview`).then((address) => { picture.src = address; }, () => {});
    const pick = button('', () => {
      localStorage.setItem(CHOSEN, job.id);
      document.dispatchEvent(new Event('studio:redraw'));
    });
    pick.append(picture, make('strong', {}, job.title), make('small', {}, new Date(job.created * 1000).toLocaleDateString()));
    const away = button('×', async () => {
      if (confirm(`Delete the avatar ${job.title}? Its videos stay.`)) await api.remove(`/avatars/${job.id}`);
    }, { class: 'remove danger', 'aria-label': `Delete ${job.title}` });
    const item = make('li', { class: 'avatar' }, pick, away);
    item.update = () => pick.setAttribute('aria-pressed', String(job.id === chosen(currentJobs)?.id));
    return item;
  });
  for (const item of find('avatars').children) item.firstChild.setAttribute('aria-pressed', String(item.dataset.key === now?.id));
}

let currentJobs = [];
export const remember = (jobs) => { currentJobs = jobs; };
