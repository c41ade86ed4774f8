/*
 * The dashboard's own modules on a page of stubs (stub.mjs), where answers
 * come in the order that is wanted: what was chosen before never shows under
 * the name of what is chosen now, nor yesterday as today, and what failed is
 * asked for again.  Prints TAP; page.t runs it.
 */

import { Page, json, stream } from './stub.mjs';

const SHOWN = ['now', 'legend', 'spans', 'heart-said', 'heart', 'days-head',
               'days'];

let tests = 0;


function is(got, wanted, name) {
  tests += 1;
  console.log(`${got === wanted ? 'ok' : 'not ok'} ${tests} - ${name}`);
  if (got !== wanted) {
    console.log(`# got      ${JSON.stringify(got)}`);
    console.log(`# expected ${JSON.stringify(wanted)}`);
  }
}


function windows(page, activity, bpm, ago = 10) {
  const start = page.now / 1000 - ago;

  return [{ start, end: start + 2.56, activity, recording: `of ${activity}`,
            heart_rate_bpm: bpm }];
}


/* one of them walks, one sits; the caregiver sees both */
function caregiver() {
  const page = new Page();

  page.answer('me.json', () => json({ client_id: 'c', resource: 'r' }));
  page.answer('token', () => json({ access_token: 't', expires_in: 300 }));
  page.answer('/v1/me', () => json({
    kind: 'caregiver', sub: 'x', name: 'Bea',
    patients: [{ id: 'A', name: 'Anna' }, { id: 'B', name: 'Bert' }],
  }));

  for (const [id, activity, bpm] of [['A', 'walking', 70],
                                     ['B', 'sitting', 90]]) {
    page.answer(`/v1/patients/${id}/activities`, () => json({
      activities: windows(page, activity, bpm), next: null,
    }));
    page.answer(`/v1/patients/${id}/days`, () => json({ days: [{
      date: `day of ${activity}`, activities: { [activity]: 60 }, unknown_s: 0,
      covered_s: 60,
    }] }));
    page.answer(`/v1/patients/${id}/events`, () => stream().answer);
  }

  return page;
}


function of_bert(page, when) {
  is(page.text('of'), 'of Bert', `${when}: the title names Bert`);
  is(page.text(...SHOWN).includes('walking'), false, '... nothing of Anna');
  is(page.text('now').startsWith('sitting'), true, '... Bert sits');
  is(page.text('days').includes('day of sitting'), true, '... his days');
}


async function chart_after_end() {
  const page = caregiver();

  await page.open();
  is(page.text('heart'), '70', 'a chart of Anna');

  page.answer('/v1/patients/A/days', () => json({}, 404));
  page.answer('/v1/patients/A/events', () => json({}, 404));
  await page.choose('A');
  is(page.text('notice').startsWith('Your access'), true, 'access ended');
  is(page.text('heart'), '', '... and no chart');

  await page.choose('B');
  is(page.text('heart'), '90', 'the chart of Bert is on the page');
  is(page.observers, 1, '... one follows the size');

  page.answer('/v1/patients/A/activities', () => json({
    activities: windows(page, 'walking', null), next: null,
  }));
  page.answer('/v1/patients/A/days', () => json({ days: [] }));
  page.answer('/v1/patients/A/events', () => stream().answer);
  await page.choose('A');
  is(page.text('heart'), '', 'nobody measures Anna\'s heart: no chart');
  is(page.observers, 0, '... whose size nobody follows');
}


/* what is not there yet is not another one's */
async function bert_is_refused() {
  const unreachable = () => { throw new TypeError('network'); };

  for (const [what, answer] of [['503', () => json({}, 503)],
                                ['no network', unreachable]]) {
    const page = caregiver();

    await page.open();
    is(page.text('now').startsWith('walking'), true, `${what}: Anna walks`);
    is(page.id('main').hidden, false, '... which is shown');

    page.answer('/v1/patients/B/activities', answer);
    await page.choose('B');
    is(page.text('of'), 'of Bert', `${what}: Bert is chosen`);
    is(page.text(...SHOWN), '', '... nothing of Anna is left');
    is(page.id('main').hidden, true, '... nor an empty page');
    is(page.text('notice') !== '', true, '... and it is said why');

    await page.later(15);
    is(page.text(...SHOWN), '', '... nothing later');
  }
}


/* Anna is chosen, then Bert: each request of hers is answered after that */
async function anna_is_late(deaf) {
  const said = deaf ? 'answered all the same' : 'given up';
  const late = {
    activities: (page) => json({ activities: windows(page, 'walking', 70),
                                 next: null }),
    days: () => json({ days: [{ date: 'day of walking', unknown_s: 0,
                                activities: { walking: 60 }, covered_s: 60 }],
    }),
    events: () => stream().answer,
    refusal: () => json({}, 404),
  };

  for (const [of, answer] of [['activities', late.activities],
                              ['activities', late.refusal],
                              ['days', late.days], ['days', late.refusal],
                              ['events', late.events],
                              ['events', late.refusal]]) {
    const page = caregiver();
    const when = `Anna's ${of} late, ${answer === late.refusal ? 'refused, '
      : ''}${said}`;

    await page.open({ deaf });
    await page.choose('B');

    const go = page.held(`/v1/patients/A/${of}`, () => answer(page));

    await page.choose('A');

    const [asked] = page.asked.slice(-1);

    await page.choose('B');
    is(asked.signal?.aborted, true, `${when}: her request is given up`);
    of_bert(page, '... at once');
    await go();
    of_bert(page, '... when it came');
    is(page.text('notice'), '', '... and no word of it');
    await page.later(15);
    of_bert(page, '... 15 s later');
    is(page.intervals, 1, '... one interval');
  }
}


/* what the stream's beginning asked for, and its events */
async function anna_streams(deaf) {
  const page = caregiver();
  const events = stream();
  let go = null;

  page.answer('/v1/patients/A/events', () => {
    go = page.held('/v1/patients/A/activities', () => json({
      activities: windows(page, 'walking', 71, 5), next: null,
    }));
    return events.answer;
  });

  await page.open({ deaf });
  is(page.text('now').startsWith('walking'), true, 'Anna is shown, live');

  await page.choose('B');
  await go();
  of_bert(page, 'what came between, late');

  await events.tell(windows(page, 'walking', 72, 4));
  of_bert(page, 'an event of Anna');

  await page.choose('A');
  await go();
  is(page.text('of'), 'of Anna', 'Anna again');
  is(page.text(...SHOWN).includes('sitting'), false, '... without Bert');
}


/* what Anna's stream has to say is not said of Bert */
async function anna_streams_late() {
  const page = caregiver();
  const go = page.held('/v1/patients/A/events', () => stream().answer);

  await page.open({ deaf: true });
  page.answer('/v1/patients/B/activities', () => json({ detail: 'No.' }, 503));
  await page.choose('B');
  is(page.text('notice'), 'No.', 'Bert is refused');
  await go();
  is(page.text('notice'), 'No.', '... even when Anna\'s stream is up');
}


/* nothing draws again what was forgotten */
async function access_ends() {
  const page = caregiver();
  const events = stream();

  page.answer('/v1/patients/A/events', () => events.answer);
  await page.open();
  page.answer('/v1/patients/A/days', () => json({}, 404));
  await events.tell(windows(page, 'jogging', 120, 2));
  is(page.text('notice').startsWith('Your access'), true, 'access ends');
  is(page.text(...SHOWN), '', '... nothing is left');

  await page.later(15);
  await events.tell(windows(page, 'jogging', 120, 2));
  is(page.text(...SHOWN), '', '... nor later');
  is(page.intervals, 0, '... no interval');
}


/* Anna late in the evening: what the service has is answered as asked for */
function evening() {
  const page = caregiver();
  const events = stream();

  page.now = new Date(2026, 10, 21, 23, 59, 50).getTime();

  const had = windows(page, 'walking', 70);

  page.had = (path) => {
    const { from, to } = Object.fromEntries(
      new URL(path, 'http://dcm').searchParams);

    return json({ activities: had.filter((w) => w.end > from && w.start < to),
                  next: null });
  };
  page.answer('/v1/patients/A/activities', page.had);
  page.answer('/v1/patients/A/events', () => events.answer);
  page.comes = (...what) => {
    had.push(...windows(page, ...what));
    return events.tell(had.slice(-1));
  };

  return page;
}


async function another_day() {
  const page = evening();

  await page.open();
  is(page.text('now').startsWith('walking, since'), true, '23:59: Anna walks');

  await page.later(15);
  is(page.text('now'), 'Nothing was recorded today yet.', '00:00: a new day');
  is(page.text('spans'), '', '... with an empty list');
  is(page.text('legend'), '', '... and no totals');
  is(page.text('heart'), '', '... and no chart');
  is(page.asked.at(-1).path.includes('/days?'), true, '... and other days');

  page.now += 600 * 1000;
  await page.comes('jogging', 120);
  is(page.text('now').startsWith('jogging, since'), true, '00:10: she jogs');
  is(page.text('spans').includes('walking'), false, '... and yesterday walked');

  await page.later(86400 - 600);
  is(page.text('now'), 'Nothing was recorded today yet.', 'one more day');
  is(page.intervals, 1, '... one interval');
}


/* the first tick after midnight comes late, and the service cannot answer */
async function another_day_refused() {
  const page = evening();

  await page.open();
  page.answer('/v1/patients/A/activities', () => json({ detail: 'No.' }, 503));

  page.now += 12 * 1000;
  await page.comes('jogging', 120, 1);
  is(page.text('now').startsWith('walking'), true, '00:00: not noticed yet');

  await page.later(3);
  is(page.text('notice'), 'No.', '... then the service refuses');

  page.now += 600 * 1000;
  await page.comes('sitting', 80);
  is(page.text('spans').includes('sitting'), false,
     '... and no day that lacks its beginning is shown');
  await page.later(15);
  is(page.text('now').endsWith('nothing since then'), true,
     '... which leaves what was, and says how old it is');

  page.answer('/v1/patients/A/activities', page.had);
  await page.later(15);
  is(page.text('now').startsWith('sitting, since'), true, '00:10: she sits');
  is(page.text('spans').includes('jogging'), true,
     '... and what came while it refused is there');
  is(page.text('spans').includes('walking'), false, '... without yesterday');
}


/* what the stream's beginning asked for is answered after midnight */
async function yesterday_is_late() {
  const page = evening();
  const events = stream();
  let go;

  page.answer('/v1/patients/A/events', () => {
    go = page.held('/v1/patients/A/activities', () => json({
      activities: windows(page, 'walking', 70, 25), next: null,
    }));
    return events.answer;
  });
  await page.open();
  page.answer('/v1/patients/A/activities', page.had);
  await page.later(15);
  is(page.text('now'), 'Nothing was recorded today yet.', '00:00');
  await go();
  is(page.text('now'), 'Nothing was recorded today yet.',
     '... even when an answer of yesterday comes');
}


/* nobody answers at first, or not as the page needs it */
async function begins_late() {
  const unreachable = () => { throw new TypeError('network'); };
  const refused = () => json({ detail: 'No.' }, 503);

  for (const [path, answer, said] of [
    ['me.json', unreachable, 'The service cannot be reached.'],
    ['token', refused, 'No.'],
    ['/v1/me', refused, 'No.'],
    ['/v1/patients/A/activities', refused, 'No.'],
    ['/v1/patients/A/days', refused, 'No.'],
  ]) {
    const page = caregiver();
    const good = page.answered(path);

    page.answer(path, answer);
    await page.open();
    is(page.text('notice'), said, `${path} fails at first`);
    await page.later(2);
    is(page.text('notice'), said, '... and once more');

    const asked = page.asked.length;

    await page.later(3);
    is(page.asked.length, asked, '... then not at once');
    page.answer(path, good);
    await page.later(1);
    is(page.text('now').startsWith('walking'), true, '... Anna walks');
    is(page.text('days').includes('day of walking'), true, '... her days');
    is(page.text('notice'), '', '... and nothing is wrong any more');
    is(page.asked.some((a) => a.path.endsWith('/A/events')), true,
       '... live');
    is(page.intervals, 1, '... one interval');
  }
}


/* what no later answer mends */
async function begins_never() {
  const page = caregiver();

  page.answer('/v1/me', () => json({ detail: 'Not you.' }, 403));
  await page.open();
  is(page.text('notice'), 'Not you.', 'a refusal for good');

  const asked = page.asked.length;

  await page.later(60);
  is(page.asked.length, asked, '... nobody asks again');
}


/* Bert is chosen while Anna's first request fails again and again */
async function begins_elsewhere() {
  const page = caregiver();

  page.answer('/v1/patients/A/activities', () => json({}, 503));
  await page.open();
  await page.choose('B');

  const asked = page.asked.length;

  await page.later(2);
  of_bert(page, 'Anna fails, Bert is chosen');
  is(page.asked.slice(asked).some((a) => a.path.includes('/A/')), false,
     '... and Anna is not asked for again');
}


/* the second page of what came before the stream fails, the stream goes on */
async function a_page_fails() {
  const page = evening();
  const events = stream();
  const had = [];
  let broken = false;

  page.now = new Date(2026, 10, 21, 12).getTime();
  had.push(...windows(page, 'walking', 70, 100));
  page.answer('/v1/patients/A/activities', (path) => {
    const { from, to, after } = Object.fromEntries(
      new URL(path, 'http://dcm').searchParams);
    const list = had.filter((w) => w.end > from && w.start < to);
    const i = Number(after ?? 0);

    return broken && i === 2 ? json({ detail: 'No.' }, 503)
      : json({ activities: list.slice(i, i + 1),
               next: i + 1 < list.length ? String(i + 1) : null });
  });
  page.answer('/v1/patients/A/events', () => {
    had.push(...windows(page, 'jogging', 70, 80),
             ...windows(page, 'climbing', 70, 60));
    broken = true;
    return events.answer;
  });

  await page.open();
  is(page.text('notice'), 'No.', 'the last page of three is refused');
  had.push(...windows(page, 'sitting', 70, 1));
  await events.tell(had.slice(-1));
  is(page.text('now').startsWith('sitting'), true, '... live goes on');
  is(page.text('spans').includes('climbing'), false, '... after a gap');

  await page.later(15);
  is(page.text('notice'), 'No.', '... which stays while that fails');
  broken = false;
  await page.later(15);
  is(page.text('spans').includes('climbing'), true, '... and no longer');
  is(page.text('notice'), '', '... nor is anything wrong');

  const asked = page.asked.length;

  await page.later(15);
  is(page.asked.length, asked, '... or asked for again');
}


await chart_after_end();
await bert_is_refused();
for (const deaf of [false, true]) {
  await anna_is_late(deaf);
  await anna_streams(deaf);
}
await anna_streams_late();
await access_ends();
await another_day();
await another_day_refused();
await yesterday_is_late();
await begins_late();
await begins_never();
await begins_elsewhere();
await a_page_fails();

console.log(`1..${tests}`);
process.exit(0);
