/*
 * What a day looks like: the timeline, its legend and list, the table of days
 * and the heart rate.  Text only ever becomes text: nothing that somebody
 * typed is read as HTML.
 */

import { duration } from './activities.js';

const SVG = 'http://www.w3.org/2000/svg';
const KNOWN = ['walking', 'jogging', 'upstairs', 'downstairs', 'stairs',
               'sitting', 'standing', 'unknown'];

/* charts are an addition: the page says all that they show */
const plot = await import('./vendor/uPlot.esm.js').then((m) => m.default,
                                                        () => null);


export function element(name, attributes = {}, ...children) {
  const e = document.createElement(name);

  for (const [key, value] of Object.entries(attributes)) {
    e.setAttribute(key, value);
  }

  e.append(...children);

  return e;
}


export function time(seconds) {
  return new Date(seconds * 1000).toLocaleTimeString([], {
    hour: '2-digit', minute: '2-digit',
  });
}


export function date(seconds) {
  return new Date(seconds * 1000).toLocaleString([], {
    dateStyle: 'medium', timeStyle: 'short',
  });
}


export function timeline(where, day) {
  const [from, to] = day.range;
  const length = to - from;
  const svg = shape('svg', {
    viewBox: `0 0 ${length} 100`, preserveAspectRatio: 'none', role: 'img',
    'aria-label': spoken(day),
  });

  for (const s of day.spans) {
    const bar = shape('rect', {
      x: s.start - from, y: 0, height: 100,
      width: Math.max(s.end - s.start, length / 1000), class: colour(s.activity),
    });

    bar.append(shape('title'));
    bar.firstChild.textContent =
      `${s.activity}, ${time(s.start)} to ${time(s.end)}`;
    svg.append(bar);
  }

  const hours = element('div', { class: 'hours', 'aria-hidden': 'true' });

  for (let i = 0; i <= 4; i++) {
    hours.append(element('span', {}, time(from + i * length / 4)));
  }

  where.replaceChildren(svg, hours);
}


function spoken(day) {
  const totals = day.totals.map(([name, s]) => `${name} ${duration(s)}`);

  return totals.length ? `Timeline of today: ${totals.join(', ')}`
    : 'Timeline of today: nothing recorded yet';
}


function shape(name, attributes = {}) {
  const e = document.createElementNS(SVG, name);

  for (const [key, value] of Object.entries(attributes)) {
    e.setAttribute(key, value);
  }

  return e;
}


function colour(activity) {
  return `a-${KNOWN.includes(activity) ? activity : 'other'}`;
}


export function legend(where, day) {
  where.replaceChildren(...day.totals.map(([activity, seconds]) => {
    const sample = shape('svg', { viewBox: '0 0 1 1', 'aria-hidden': 'true' });

    sample.append(shape('rect', {
      width: 1, height: 1, class: colour(activity),
    }));

    return element('li', {}, sample, ` ${activity}: ${duration(seconds)}`);
  }));
}


export function list(where, day) {
  where.replaceChildren(...day.spans.reverse().slice(0, 200).map((s) =>
    element('tr', {}, cell(time(s.start)), cell(time(s.end)),
            cell(s.activity))));
}


function cell(text, name) {
  return element('td', name ? { class: name } : {}, text);
}


/* as the service has them: seconds of each activity, covered */
export function days(head, body, rows) {
  const names = [...new Set(rows.flatMap((d) => Object.keys(d.activities)))]
    .sort();
  const column = (text) => element('th', { scope: 'col', class: 'number' },
                                   text);

  head.replaceChildren(element('th', { scope: 'col' }, 'Day'),
                       ...names.map(column), column('unknown'),
                       column('recorded'),
                       column('heart rate'));

  body.replaceChildren(...[...rows].reverse().map((d) =>
    element('tr', {}, element('th', { scope: 'row' }, d.date),
            ...names.map((n) => cell(duration(d.activities[n] ?? 0),
                                     'number')),
            cell(duration(d.unknown_s), 'number'),
            cell(duration(d.covered_s), 'number'),
            cell(d.heart_rate_bpm ? `${Math.round(d.heart_rate_bpm.mean)} /min`
                   : '-', 'number'))));
}


let chart = null;
let sizes = null;                         /* ResizeObserver of the chart's */

export function heart(where, said, day) {
  const [at, bpm] = day.heart;
  const values = bpm.filter((v) => v != null);

  if (values.length === 0) {
    noHeart(where, said);
    said.textContent = 'There is no heart rate of today.';
    return;
  }

  const mean = values.reduce((a, b) => a + b) / values.length;

  said.textContent = `Last ${Math.round(values[values.length - 1])}, `
    + `from ${Math.round(Math.min(...values))} to `
    + `${Math.round(Math.max(...values))}, ${Math.round(mean)} on average, `
    + 'in beats per minute.';

  if (!plot) {
    return;
  }

  if (chart) {
    chart.setData([at, bpm]);
    return;
  }

  chart = new plot({
    width: where.clientWidth,
    height: 200,
    cursor: { show: false },
    legend: { show: false },
    scales: { y: { range: (_, low, high) => [low - 5, high + 5] } },
    axes: [axis(), axis()],
    series: [{}, { stroke: ink('--mark'), width: 2, spanGaps: false }],
  }, [at, bpm], where);

  sizes = new ResizeObserver(() => chart.setSize({
    width: where.clientWidth, height: 200,
  }));
  sizes.observe(where);
}


/* the chart goes with its element: the next person's is a new one */
export function noHeart(where, said) {
  sizes?.disconnect();
  chart?.destroy();
  sizes = chart = null;
  said.textContent = '';
  where.replaceChildren();
}


function axis() {
  return { stroke: ink('--ink'), grid: { stroke: ink('--line'), width: 1 } };
}


function ink(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name)
    .trim();
}
