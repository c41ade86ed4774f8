/*
 * A page of stubs for dashboard/: the elements that index.html has an id for,
 * a clock that stands, intervals and timeouts that run when told, and a
 * service that answers when told.  The modules are the page's own, copied for each page so
 * that nothing is left of the page before; the charts alone are a stub.
 *
 * It knows what the page calls and no more; Chromium has the rest
 * (dashboard.t).
 */

import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, readdirSync,
         rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const Real = Date;
const SOURCE = new URL('../../dashboard/', import.meta.url).pathname;
const PAGES = mkdtempSync(join(tmpdir(), 'hars-pages-'));

process.on('exit', () => rmSync(PAGES, { recursive: true, force: true }));

/* as uPlot does: its root is put into the element, and taken out again */
const CHART = `export default class {
  constructor(options, data, where) {
    this.root = document.createElement('canvas');
    this.root.textContent = data[1].join(' ');
    where.append(this.root);
  }
  setData(data) { this.root.textContent = data[1].join(' '); }
  setSize() {}
  destroy() { this.root.remove(); }
}`;


class Element {
  children = [];
  attributes = {};
  classList = { toggle() {} };
  hidden = false;
  clientWidth = 100;

  append(...children) {
    this.children.push(...children);
    for (const c of children.filter((c) => c instanceof Element)) {
      c.parent = this;
    }
  }

  replaceChildren(...children) {
    this.children = [];
    this.append(...children);
    this.value = children[0]?.attributes?.value;
  }

  remove() {
    this.parent.children = this.parent.children.filter((c) => c !== this);
  }

  setAttribute(name, value) { this.attributes[name] = value; }

  get firstChild() { return this.children[0]; }

  get selectedOptions() {
    return this.children.filter((o) => o.attributes.value === this.value);
  }

  get textContent() {
    return this.children.map((c) => c.textContent ?? c).join(' ');
  }

  set textContent(text) { this.replaceChildren(...text === '' ? [] : [text]); }
}


/* "answer" of a path: a Response, or what becomes one; see Page.held() */
export class Page {
  now = new Date(2026, 10, 21, 12).getTime();
  observers = 0;                          /* of the size, that observe */
  asked = [];                             /* { path, signal } */
  #elements = new Map();
  #intervals = new Map();
  #timeouts = [];
  #rules = [];
  #directory = mkdtempSync(join(PAGES, 'page-'));

  constructor() {
    const html = readFileSync(join(SOURCE, 'index.html'), 'utf8');

    for (const [, id] of html.matchAll(/ id="([^"]+)"/g)) {
      this.#elements.set(id, new Element());
    }
  }

  id(id) {
    return this.#elements.get(id) ?? null;
  }

  text(...ids) {
    return ids.map((id) => this.id(id).textContent).join(' ').trim();
  }

  /* paths that begin so: the rule that was given last counts */
  answer(path, answer) {
    this.#rules.unshift([path, answer]);
  }

  /* the rule that counts for it now */
  answered(path) {
    return this.#rules.find(([p]) => path.startsWith(p))[1];
  }

  /* the next ones wait for the function that this returns */
  held(path, answer) {
    let go;
    const gone = new Promise((resolve) => { go = resolve; });

    this.answer(path, (...asked) => gone.then(() => answer(...asked)));

    return () => { go(); return settled(); };
  }

  /* "deaf": answers come even if the page has given up, as those do that are
   * there when it does */
  async open({ deaf = false } = {}) {
    this.#globals(deaf);

    for (const name of readdirSync(SOURCE).filter((n) => n.endsWith('.js'))) {
      copyFileSync(join(SOURCE, name), join(this.#directory, name));
    }

    mkdirSync(join(this.#directory, 'vendor'));
    writeFileSync(join(this.#directory, 'package.json'), '{"type":"module"}');
    writeFileSync(join(this.#directory, 'vendor/uPlot.esm.js'), CHART);
    await import(pathToFileURL(join(this.#directory, 'dashboard.js')));
    await settled();
  }

  async choose(patient) {
    this.id('patient').value = patient;
    this.id('patient').onchange();
    await settled();
  }

  /* so many seconds later: each interval has passed once, and all timeouts
   * that end till then */
  async later(seconds) {
    this.now += seconds * 1000;
    for (const run of [...this.#intervals.values()]) {
      run();
    }
    for (const t of this.#timeouts.filter((t) => t.at <= this.now)) {
      this.#timeouts.splice(this.#timeouts.indexOf(t), 1);
      t.run();
    }
    await settled();
  }

  get intervals() {
    return this.#intervals.size;
  }

  #globals(deaf) {
    const page = this;

    globalThis.document = {
      getElementById: (id) => this.id(id),
      querySelectorAll: () => [],
      createElement: () => new Element(),
      createElementNS: () => new Element(),
    };
    globalThis.getComputedStyle = () => ({ getPropertyValue: () => '' });
    globalThis.ResizeObserver = class {
      observe() { page.observers += 1; }
      disconnect() { page.observers -= 1; }
    };
    globalThis.Date = class extends Real {
      constructor(...given) { super(...given.length ? given : [page.now]); }
      static now() { return page.now; }
    };
    globalThis.setInterval = (run) => {
      const key = Symbol('interval');
      this.#intervals.set(key, run);
      return key;
    };
    globalThis.setTimeout = (run, ms) => {
      this.#timeouts.push({ run, at: this.now + ms });
    };
    globalThis.clearInterval = (key) => this.#intervals.delete(key);
    globalThis.fetch = (path, { signal } = {}) => {
      this.asked.push({ path, signal });
      return this.#fetch(path, deaf ? null : signal);
    };
  }

  #fetch(path, signal) {
    const [, answer] = this.#rules.find(([p]) => path.startsWith(p))
      ?? [, () => { throw new Error(`nobody answers ${path}`); }];

    if (signal?.aborted) {
      return Promise.reject(signal.reason);
    }

    return new Promise((resolve, reject) => {
      const abort = () => reject(signal.reason);

      signal?.addEventListener('abort', abort);
      Promise.resolve(path).then(answer).then(resolve, reject)
        .finally(() => signal?.removeEventListener('abort', abort));
    });
  }
}


/* all that can happen without a clock has happened */
export async function settled() {
  for (let i = 0; i < 50; i++) {
    await new Promise((resolve) => { setImmediate(resolve); });
  }
}


export function json(body, status = 200) {
  return new Response(JSON.stringify(body), { status });
}


/* text/event-stream: tell() sends activities, as the service does */
export function stream() {
  let to;
  const body = new ReadableStream({ start(c) { to = c; } });

  return {
    answer: new Response(body),
    tell: (activities) => {
      to.enqueue(new TextEncoder().encode(
        `data: ${JSON.stringify({ activities })}\n\n`));
      return settled();
    },
  };
}
