// Uses the console's page in a real browser. The test that starts it looks at Envoy after each step: the script prints the
// name of a step, and goes on when it reads a line. LINK is the console's link, MANY that of a console with a thousand
// releases, SHOTS a folder for screenshots.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { axe, browser } from './browser.mjs';

const { LINK, MANY, SHOTS } = process.env;
// A busy machine is slow. No step depends on this time.
const PATIENCE = 60_000;

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
async function step(name) {
  console.log(name);
  const { done } = await lines.next();
  if (done) process.exit(1);
}

// The libraries of the page are those of the packages.
const root = new URL('../../', import.meta.url).pathname;
const copies = mkdtempSync(join(tmpdir(), 'halftone-vendor-'));
execFileSync(join(root, 'tools/vendor'), [copies]);
for (const name of readdirSync(copies)) {
  assert.equal(readFileSync(join(root, 'console/page/vendor', name), 'utf8'), readFileSync(join(copies, name), 'utf8'), `${name}: run tools/vendor`);
}
rmSync(copies, { recursive: true });

const chromium = await browser();
const context = await chromium.newContext({ locale: 'en-US', viewport: { width: 1280, height: 900 }, colorScheme: 'light' });
const page = await context.newPage();
page.setDefaultTimeout(PATIENCE);
const problems = [];
page.on('pageerror', error => problems.push(error.stack));
page.on('console', message => {
  // A refused request is part of the proof.
  if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) problems.push(message.text());
});
const sizes = new Map();
page.on('response', async response => {
  if (response.url().includes('/api/')) return;
  const { responseBodySize } = await response.request().sizes().catch(() => ({ responseBodySize: 0 }));
  sizes.set(response.url(), responseBodySize);
});
const shot = async (name, options = {}) => {
  if (!SHOTS) return;
  // The machine that takes the pictures may have no font for this button.
  const show = display => page.locator('button[lang=zh]').evaluate((button, display) => { button.style.display = display; }, display);
  await show('none');
  await page.screenshot({ path: join(SHOTS, `${name}.png`), ...options });
  await show('');
};
/** Waits until `look` gives something in the page. */
const until = (look, value) => page.waitForFunction(look, value, { timeout: PATIENCE });
const text = selector => page.locator(selector).first().innerText();

// The link.
await page.goto(LINK);
await page.waitForURL(url => !url.search.includes('token'));
await page.getByRole('listitem').filter({ hasText: 'reviews' }).waitFor();
assert.equal(await page.getByRole('listitem').count(), 3);
await until(() => [...document.querySelectorAll('.row')].every(row => !row.innerText.includes('\n0/s')));
const size = [...sizes.values()].reduce((sum, one) => sum + one, 0);
assert.ok(sizes.size >= 15 && size < 150_000, `${sizes.size} files of ${size} bytes`);
await shot('overview', { clip: { x: 0, y: 0, width: 1280, height: 380 } });

// Search, by the keyboard alone.
await page.keyboard.press('/');
await page.keyboard.type('blue');
await until(() => document.querySelectorAll('.row').length === 1);
await page.keyboard.press('Control+A');
await page.keyboard.press('Delete');
await until(() => document.querySelectorAll('.row').length === 3);

// The charts move.
await page.getByRole('link', { name: 'reviews' }).first().press('Enter');
const charts = page.locator('[data-chart] .chart');
await charts.nth(2).waitFor();
const points = async () => Number(await charts.first().getAttribute('data-points'));
const before = await points();
await until(least => Number(document.querySelector('[data-chart] .chart').dataset.points) > least + 2, before);
await until(() => document.querySelectorAll('[data-chart] .u-wrap canvas').length === 3);
// A picture of a chart needs something on it.
if (SHOTS) await until(() => Number(document.querySelector('[data-chart] .chart').dataset.points) > 40);
await step('ready');

// The slider moves the traffic.
const number = page.getByRole('spinbutton', { name: 'Weight of v2, %' });
await number.fill('30');
await page.locator('[data-moves]').filter({ hasText: /About [\d,]+ of 10,000 sessions move v1 → v2\./ }).waitFor();
assert.match(await text('[data-moves]'), /None moves the other way\./);
await shot('drive');
await page.locator('[data-apply-weight]').click();
await page.getByText('Applied.').waitFor();
await step('weight 30');
await until(() => {
  const share = Number(document.querySelector('[data-version=v2] [data-share]').dataset.share);
  return share > 0.2 && share < 0.4;
});
await page.locator('[data-entry]').filter({ hasText: 'set-weight' }).first().waitFor();

// A bad edit is shown and not applied.
const configuration = page.locator('[data-configuration] textarea');
const written = await configuration.inputValue();
await configuration.fill(written.replace('weight: 30', 'weigth: 30'));
await page.locator('[data-configuration] .findings').filter({ hasText: 'weigth: unknown field; did you mean `weight`?' }).waitFor();
assert.equal(await page.locator('[data-look]').isDisabled(), true);
await step('bad edit');
await page.locator('[data-configuration]').getByRole('button', { name: 'Reset' }).click();

// A differing pair.
const compare = page.locator('[data-compare]');
await compare.getByRole('row').filter({ hasText: '/items/*/price' }).waitFor();
assert.equal(await compare.locator('td del').first().innerText(), '19.9');
assert.equal(await compare.locator('td ins').first().innerText(), '20.9');
await compare.locator('.pair').first().locator('del').filter({ hasText: '19.9' }).waitFor();
await page.evaluate(() => scrollTo(0, 0));
await shot('release', { fullPage: true });
await compare.getByRole('button', { name: 'Ignore…' }).first().click();
await page.locator('dialog .diff ins').filter({ hasText: '/items/*/price' }).waitFor();
await page.locator('[data-apply]').click();
await compare.getByText('ignored').first().waitFor();
await step('ignored');

// A request.
const attempt = page.locator('[data-try]');
await attempt.getByLabel('Headers, one a line').fill('end-user: jason');
await attempt.getByRole('button', { name: 'Explain' }).click();
await attempt.locator('pre').filter({ hasText: 'reason=rule:testers' }).waitFor();
await attempt.getByLabel('Headers, one a line').fill('no header');
await attempt.getByRole('button', { name: 'Explain' }).click();
await attempt.getByRole('alert').filter({ hasText: 'has no colon' }).waitFor();

// Roll back: one click and a confirmation.
await page.locator('[data-rollback]').click();
await page.locator('dialog [data-moves]').filter({ hasText: 'v2 → v1' }).waitFor();
await page.locator('[data-apply]').click();
await page.getByText('Applied.').waitFor();
await step('rollback');
await until(() => document.querySelector('[data-version=v1] [data-share]').dataset.share === '1');

// Put back.
await page.getByRole('link', { name: 'History' }).click();
await page.locator('[data-entry]').filter({ hasText: 'rollback' }).waitFor();
await shot('history');
await page.locator('[data-entry]').filter({ hasText: 'rollback' }).getByRole('button', { name: 'Put back…' }).click();
await page.locator('[data-apply]').click();
await page.locator('[data-entry]').filter({ hasText: /put back \d+/ }).waitFor();
await step('put back');

// The other language has the same texts.
const keys = await page.evaluate(async () => {
  const { languages } = await import('/texts.js');
  return Object.values(languages).map(texts => Object.keys(texts).sort().join(' '));
});
assert.equal(new Set(keys).size, 1);
await page.getByRole('button', { name: '中文' }).click();
await page.getByRole('heading', { level: 1, name: '历史' }).waitFor();
await page.getByRole('button', { name: 'EN' }).click();

// The guard's verdict.
await page.goto(new URL('/#/release/reviews', LINK).href);
await page.locator('[data-version=v2]').waitFor();
await step('v2 fails');
await page.locator('.chip.bad').filter({ hasText: 'v2 returned by the guard' }).waitFor();
await page.locator('[data-entry]').filter({ hasText: 'The guard returned v2 of reviews' }).waitFor();
await until(() => document.querySelector('[data-version=v1] [data-share]').dataset.share === '1');
await step('guarded');

// Accessibility, in light and dark, at three widths.
await page.addInitScript({ path: axe });
for (const colorScheme of ['light', 'dark']) {
  await page.emulateMedia({ colorScheme });
  for (const width of [360, 960, 1440]) {
    await page.setViewportSize({ width, height: 900 });
    for (const address of ['#/', '#/release/reviews', '#/release/cart', '#/history']) {
      await page.goto(new URL(`/${address}`, LINK).href);
      await page.reload();
      await page.locator('h1').waitFor();
      await until(() => !document.body.innerText.includes('Loading…'));
      const { violations } = await page.evaluate(() => globalThis.axe.run(document));
      const said = violations.map(one => `${one.id}: ${one.help}\n  ${one.nodes.map(node => `${node.html} ${node.failureSummary}`).join('\n  ')}`);
      assert.deepEqual(said, [], `${address}, ${colorScheme}, ${width} px`);
      const isWider = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
      assert.equal(isWider, false, `${address} is wider than ${width} px`);
      if (colorScheme === 'dark' && width === 1440 && address === '#/release/reviews') await shot('dark');
      if (colorScheme === 'light' && width === 360 && address === '#/release/reviews') await shot('phone');
    }
  }
}
assert.deepEqual(problems, []);

// A thousand releases: only the rows in view exist, and nothing can be changed with --view-only.
await page.setViewportSize({ width: 1280, height: 900 });
await page.goto(MANY);
await page.locator('.row').filter({ hasText: 'r0' }).first().waitFor();
await page.getByText('1,003').waitFor();
assert.ok(await page.locator('.row').count() < 40);
await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
await page.locator('.row').filter({ hasText: 'not in the configuration' }).first().waitFor();
assert.ok(await page.locator('.row').count() < 40);
await page.keyboard.press('/');
await page.keyboard.type('r77');
await until(() => document.querySelectorAll('.row').length === 11);
await page.goto(new URL('/#/release/r77', MANY).href);
await page.getByText('This console only shows').waitFor();
await page.locator('[data-configuration] textarea[readonly]').waitFor();
assert.equal(await page.locator('[data-rollback], [data-apply-weight], [data-look]').count(), 0);

// Envoy is gone: the page says which and why, and its numbers look old.
await step('stop Envoy');
await page.goto(new URL('/#/release/reviews', LINK).href);
await page.locator('.notice').filter({ hasText: /does not answer: cannot connect/ }).waitFor();
await page.locator('.lane.old').first().waitFor();

await chromium.close();
await step('end');
process.exit(0);
