/*
 * One person's Chromium, for a test in another language: commands come as
 * lines of JSON, each has one line of JSON as its answer.
 *
 *     node driver.mjs HOME          certificate store, profile
 *
 *     { do: 'go', url }             the address
 *     { do: 'see', text, within }   is it on the page within so many seconds?
 *     { do: 'gone', text, within }  is it on the page no more?
 *     { do: 'click', role, name }   by what a screen reader calls it
 *     { do: 'fill', label, value }  by its label
 *     { do: 'press', key }          the keyboard
 *     { do: 'focus' }               what has the focus, as it is called
 *     { do: 'tree' }                what a screen reader is told
 *     { do: 'js', code }            the value of an expression
 *     { do: 'size', width, height } of the window
 *     { do: 'shot', file }          a picture
 *     { do: 'faults' }              what the console said since the last time
 */

import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';

const [home] = process.argv.slice(2);
const faults = [];

const context = await chromium.launchPersistentContext(`${home}/profile`, {
  executablePath: '/usr/bin/chromium',
  headless: true,
  viewport: { width: 1000, height: 900 },
  args: ['--disable-gpu', '--no-first-run', '--disable-dev-shm-usage',
         '--disable-background-networking', '--disable-component-update'],
});
const page = context.pages()[0] ?? await context.newPage();

page.setDefaultTimeout(10000);
page.on('console', (m) => {
  if (m.type() === 'error' || m.type() === 'warning') {
    faults.push(m.text());
  }
});
page.on('pageerror', (e) => faults.push(e.message));


const commands = {
  go: ({ url }) => page.goto(url).then((r) => r.status()),

  see: ({ text, within = 10 }) => page.getByText(text).filter({ visible: true })
    .first()
    .waitFor({ timeout: within * 1000 }).then(() => true, () => false),

  gone: ({ text, within = 10 }) => page.getByText(text).filter({ visible: true })
    .first()
    .waitFor({ state: 'hidden', timeout: within * 1000 })
    .then(() => true, () => false),

  click: ({ role, name }) => page.getByRole(role, { name, exact: true })
    .first().click()
    .then(() => true),

  fill: ({ label, value }) => page.getByLabel(label).first().fill(value)
    .then(() => true),

  press: ({ key }) => page.keyboard.press(key).then(() => true),

  focus: () => page.evaluate(() => {
    const e = document.activeElement;
    return e.getAttribute('aria-label') ?? e.labels?.[0]?.innerText
      ?? e.innerText ?? e.tagName;
  }),

  tree: () => page.locator('body').ariaSnapshot(),

  js: ({ code }) => page.evaluate(code),

  size: ({ width, height }) => page.setViewportSize({ width, height })
    .then(() => true),

  shot: ({ file }) => page.screenshot({ path: file, fullPage: true })
    .then(() => true),

  faults: async () => faults.splice(0),
};


console.log(JSON.stringify({ ready: true }));

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);

  try {
    console.log(JSON.stringify({ is: await commands[command.do](command) }));
  } catch (error) {
    console.log(JSON.stringify({ error: error.message }));
  }
}

await context.close();
