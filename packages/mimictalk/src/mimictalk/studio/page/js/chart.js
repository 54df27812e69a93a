// Loss and held-out curves as a small drawing.

import { make } from './dom.js';

const WIDTH = 420, HEIGHT = 130, LEFT = 44, BOTTOM = 20, TOP = 22;
const SECOND = ['held out', 'held_out', 'held-out error', 'psnr', 'score'];

export function chart(points) {
  const names = [...new Set(points.flatMap((point) => Object.keys(point.numbers)))];
  const first = names.includes('loss') ? 'loss' : names[0];
  const second = names.find((name) => name !== first && SECOND.includes(name));
  const drawing = make('svg', { class: 'chart', viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'img', 'aria-label': `Curve of ${first}` });
  const last = Math.max(...points.map((point) => point.done), 1);
  [[first, ''], [second, 'second']].filter(([name]) => name).forEach(([name, kind], index) => {
    const curve = points.filter((point) => name in point.numbers).map((point) => [point.done, point.numbers[name]]);
    const values = curve.map(([, value]) => value);
    const low = Math.min(...values), high = Math.max(...values);
    const place = ([x, y]) => [
      LEFT + (x / last) * (WIDTH - LEFT - 8),
      TOP + (high > low ? (high - y) / (high - low) : 0.5) * (HEIGHT - TOP - BOTTOM),
    ].map((value) => value.toFixed(1)).join(',');
    drawing.append(make('svg:polyline', { class: kind, points: curve.map(place).join(' ') }));
    drawing.append(make('svg:text', { class: kind ? 'second-name' : 'first-name', x: String(LEFT + index * 160), y: '14' },
      `${name} ${values.at(-1).toPrecision(3)}`));
    if (!kind) {
      drawing.append(make('svg:text', { x: String(LEFT - 6), y: String(TOP + 6), 'text-anchor': 'end' }, high.toPrecision(2)));
      drawing.append(make('svg:text', { x: String(LEFT - 6), y: String(HEIGHT - BOTTOM), 'text-anchor': 'end' }, low.toPrecision(2)));
    }
  });
  drawing.append(make('svg:line', { x1: String(LEFT), x2: String(WIDTH - 8), y1: String(HEIGHT - BOTTOM), y2: String(HEIGHT - BOTTOM) }));
  drawing.append(make('svg:text', { x: String(WIDTH - 8), y: String(HEIGHT - 4), 'text-anchor': 'end' }, `step ${last}`));
  return drawing;
}
