/*
 * The dashboard's own modules on a page of stubs (stub.mjs), where answers
 * come in the order that is wanted: what was chosen before never shows under
 * the name of what is chosen now, nor yesterday as today.  Prints TAP; page.t
 * runs it.
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


await chart_after_end();

console.log(`1..${tests}`);
process.exit(0);
