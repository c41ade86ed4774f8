/*
 * The page: who looks, at whom, today's activities and what comes next.
 *
 *     me.json, token -> /v1/me -> a patient -> today, days, events
 *
 * A patient sees the own data and who has access; a caregiver one patient at
 * a time, chosen above.  When access ends the page says so and forgets what
 * it showed.
 */

import { Day } from './activities.js';
import { live, persist } from './live.js';
import { People } from './people.js';
import { Session } from './session.js';
import * as show from './show.js';

const RECENT = 180;                       /* s: so old is still "now" */

const $ = (id) => document.getElementById(id);
const session = new Session();

let watching = null;                      /* AbortController of a patient's */


function notice(text, failed = false) {
  $('notice').textContent = text;
  $('notice').classList.toggle('failed', failed);
}


function wrong(error) {
  notice(error.message, true);
}


async function begin() {
  let me;

  try {
    me = await persist(async () => {
      await session.begin();
      return session.call('/v1/me');
    }, { failed: wrong });
  } catch (error) {
    wrong(error);
    return;
  }

  const own = me.kind === 'patient';

  $('name').textContent = me.name ?? me.kind;
  $('own-name').value = me.name ?? '';
  $('own').hidden = !own;
  $('asks').hidden = own;
  for (const e of document.querySelectorAll('.me')) {
    e.textContent = me.sub;
  }

  const patients = own ? [{ id: me.sub, name: me.name }] : me.patients;

  if (patients.length === 0) {
    notice('Nobody has given you access yet. Tell a patient your id.');
    return;
  }

  $('whose').hidden = own;
  $('patient').replaceChildren(...patients.map((p) =>
    show.element('option', { value: p.id }, p.name ?? p.id)));
  $('patient').onchange = () => watch($('patient').value, own);

  await watch(patients[0].id, own);
}


async function watch(patient, own) {
  watching?.abort();
  watching = new AbortController();

  const { signal } = watching;
  const seen = {
    path: `/v1/patients/${encodeURIComponent(patient)}`,
    signal,
    day: today(),
    drawn: null,                          /* the day that the page shows */
    whole: null,                          /* s: nothing is missing before */
    behind: false,                        /* something is, since */
  };
  const people = own ? new People(session, patient, notice) : null;

  forget();
  notice('Connecting.');
  $('of').textContent = own ? ''
    : `of ${$('patient').selectedOptions[0].textContent}`;

  try {
    await persist(async () => {
      await fill(seen);
      notice('');

      if (people) {
        $('access').hidden = false;
        await people.load();
      }

      await week(seen);
    }, { signal, failed: wrong });

    const ticking = setInterval(() => tick(seen), 15000);
    signal.onabort = () => clearInterval(ticking);

    await follow(seen);
  } catch (error) {
    ended(error, signal);
  }
}


/* "now" grows old, after midnight there is another day, and what failed is
 * asked for again */
async function tick(seen) {
  now(seen.drawn);

  try {
    if (seen.behind || seen.drawn !== seen.day
        || Date.now() / 1000 >= seen.day.to) {
      await fill(seen);
      await week(seen);
    }
  } catch (error) {
    ended(error, seen.signal);
  }
}


/* live, until "signal" aborts: then nobody calls what is given here */
async function follow(seen) {
  const { path, signal } = seen;
  const failed = (error) => ended(error, signal);

  await live(session, `${path}/events`, {
    signal,
    take: (event) => {
      if (seen.day.add(event.activities) && seen.drawn === seen.day) {
        draw(seen.day);
        week(seen).catch(failed);
      }
    },
    state: (up) => {
      notice(up ? '' : 'Not live: connecting again.', !up);

      /* what came between the page and the stream */

      if (up) {
        fill(seen).catch(failed);
      }
    },
  });
}


/* nothing of a patient stays under another one's name */
function forget() {
  $('main').hidden = true;
  show.noHeart($('heart'), $('heart-said'));
  for (const id of ['now', 'timeline', 'legend', 'spans', 'days-head',
                    'days']) {
    $(id).replaceChildren();
  }
}


/* 404 is the service's word for "not yours" */
function ended(error, signal) {
  if (signal.aborted) {
    return;
  }

  if (error.status === 404 || error.status === 403) {
    watching.abort();
    forget();
    notice('Your access to this patient has ended.', true);
  } else {
    wrong(error);
  }
}


/* from midnight, where the page is read, to the next one */
function today() {
  const from = new Date();
  from.setHours(0, 0, 0, 0);
  const to = new Date(from);
  to.setDate(to.getDate() + 1);

  return new Day(from / 1000, to / 1000);
}


/* what the service has of today; drawn if it is news */
async function fill(seen) {
  if (Date.now() / 1000 >= seen.day.to) {
    seen.day = today();
  }

  const { day, signal, behind } = seen;
  let added;
  let whole;

  try {
    [added, whole] = await ask(seen);
  } catch (error) {
    seen.behind = true;
    throw error;
  }

  signal.throwIfAborted();

  if (day !== seen.day) {
    return;
  }

  seen.whole = whole;
  seen.behind = false;

  if (behind) {
    notice('');
  }

  if (added || behind || seen.drawn !== day) {
    seen.drawn = day;
    $('main').hidden = false;
    draw(day);
  }
}


/*
 * Into the day, all of it until it is drawn: was there any, and where the last
 * one begins.  Of what the stream has nobody knows whether it is all.
 */
async function ask({ path, signal, day, drawn, whole }) {
  const from = drawn === day ? whole : day.from;
  let after = '';
  let added = false;
  let last = from;

  do {
    const page = await session.call(`${path}/activities?from=${from}`
      + `&to=${day.to}&limit=1000${after && `&after=${after}`}`, { signal });

    added = day.add(page.activities) || added;
    last = Math.max(last, ...page.activities.map((w) => w.start));
    after = page.next ? encodeURIComponent(page.next) : '';
  } while (after);

  return [added, last];
}


async function week({ path, signal }) {
  const utc = (days) => new Date(Date.now() - days * 86400000).toISOString()
    .slice(0, 10);
  const answer = await session.call(`${path}/days?from=${utc(6)}`
                                    + `&to=${utc(0)}`, { signal });

  signal.throwIfAborted();
  show.days($('days-head'), $('days'), answer.days);
}


function draw(day) {
  show.timeline($('timeline'), day);
  show.legend($('legend'), day);
  show.list($('spans'), day);
  show.heart($('heart'), $('heart-said'), day);
  now(day);
}


/* read aloud when it changes, which is not with each window */
function now(day) {
  const last = day.spans.at(-1);
  const text = !last ? 'Nothing was recorded today yet.'
    : Date.now() / 1000 - last.end < RECENT
      ? `${last.activity}, since ${show.time(last.start)}`
      : `${last.activity} until ${show.time(last.end)}, nothing since then`;

  if ($('now').textContent !== text) {
    $('now').textContent = text;
  }
}


begin();
