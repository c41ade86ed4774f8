/*
 * Who may look, and who looked: the patient's alone.  Nobody is taken off the
 * list before the service has said so.
 */

import { date, element } from './show.js';

const DAY = 86400;


export class People {
  #session;
  #path;
  #notice;

  constructor(session, patient, notice) {
    this.#session = session;
    this.#path = `/v1/patients/${encodeURIComponent(patient)}`;
    this.#notice = notice;

    const form = document.getElementById('connect');
    const until = form.elements.until;

    until.min = day(Date.now() / 1000);
    until.value = day(Date.now() / 1000 + 90 * DAY);
    form.onsubmit = (event) => {
      event.preventDefault();
      this.#connect(form);
    };

    const profile = document.getElementById('profile');

    profile.onsubmit = (event) => {
      event.preventDefault();
      this.#call(profile);
    };
  }

  async load() {
    const [people, looks] = await Promise.all([
      this.#session.call(`${this.#path}/caregivers`),
      this.#session.call(`${this.#path}/accesses?limit=20`),
    ]);

    document.getElementById('people').replaceChildren(
      ...people.caregivers.map((p) => this.#row(p)),
      ...(people.caregivers.length ? []
          : [element('li', {}, 'Nobody but you.')]));

    const names = new Map(people.caregivers.map((p) => [p.id, p.name]));

    document.getElementById('looks').replaceChildren(
      ...looks.accesses.map((a) => element('tr', {},
        element('td', {}, date(a.at)),
        element('td', {}, names.get(a.by) ?? a.by),
        element('td', {}, a.what))));
  }

  #row(person) {
    const name = person.name ?? person.id;
    const until = person.until ? `until ${date(person.until)}` : 'for good';
    const state = person.state === 'connected' ? until
      : person.state === 'ended' ? 'ended' : `from ${date(person.since)}`;
    const button = element('button', { type: 'button', class: 'danger' },
                           'Take access away');

    button.setAttribute('aria-label', `Take access away from ${name}`);
    button.onclick = () => this.#disconnect(person.id, name, button);

    return element('li', {},
                   element('span', {}, `${name}, ${person.role}, ${state}`),
                   button);
  }

  async #connect(form) {
    const { cid, role, until, cname } = form.elements;
    const [y, m, d] = until.value.split('-').map(Number);
    const button = form.querySelector('button');
    const scopes = ['activities:read'];

    if (role.value === 'doctor') {
      scopes.push('samples:read');
    }

    await this.#done(button, async () => {
      await this.#session.call(
        `${this.#path}/caregivers/${encodeURIComponent(cid.value.trim())}`, {
          method: 'PUT',
          body: {
            role: role.value,
            scopes,
            until: new Date(y, m - 1, d + 1).getTime() / 1000,
            name: cname.value.trim() || null,
          },
        });
      form.reset();
      until.value = day(Date.now() / 1000 + 90 * DAY);
      return 'Access was given.';
    });
  }

  async #call(form) {
    await this.#done(form.querySelector('button'), async () => {
      await this.#session.call(this.#path, {
        method: 'PUT',
        body: { name: form.elements.name.value.trim() || null },
      });
      return 'Your name was saved.';
    });
  }

  async #disconnect(id, name, button) {
    if (!await sure(`Take access away from ${name}?`)) {
      return;
    }

    await this.#done(button, async () => {
      await this.#session.call(
        `${this.#path}/caregivers/${encodeURIComponent(id)}`,
        { method: 'DELETE' });
      return `${name} has no access any more.`;
    });
  }

  async #done(button, work) {
    button.disabled = true;

    try {
      const said = await work();
      await this.load();
      this.#notice(said);
    } catch (error) {
      this.#notice(error.message, true);
    } finally {
      button.disabled = false;
    }
  }
}


/* of the place where the page is read: "2026-11-21" */
function day(seconds) {
  const d = new Date(seconds * 1000);
  const two = (n) => String(n).padStart(2, '0');

  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;
}


function sure(question) {
  const dialog = document.getElementById('sure');

  document.getElementById('sure-title').textContent = question;
  dialog.returnValue = 'no';
  dialog.showModal();

  return new Promise((resolve) => {
    dialog.onclose = () => resolve(dialog.returnValue === 'yes');
  });
}
