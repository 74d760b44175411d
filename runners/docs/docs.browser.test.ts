/** The site of documents as `npm run docs` writes it, in Chromium: its links, its look on a phone, its search, and that it is silent. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { axeViolations, launchChromium } from '../../dashboards/page/testing/chromium.ts';
import { PROJECT_ROOT } from '../console/project-root.ts';
import { temporaryFolder } from '../testing/command.ts';
import { brokenLinks } from './broken-links.ts';

const folder = temporaryFolder();
const site = path.join(folder, 'site');
let browser: Browser;
before(async () => {
  execFileSync(process.execPath, [path.join(PROJECT_ROOT, 'runners/docs/build-docs.ts'), '--out', site]);
  browser = await launchChromium();
});
after(async () => {
  await browser?.close();
  fs.rmSync(folder, { recursive: true, force: true });
});

/** Everything that the page says, and everything that it asks for outside of the site. */
async function open(place: string, options: { width?: number; dark?: boolean } = {}) {
  const { width = 1200, dark = false } = options;
  const context = await browser.newContext({
    ...{ offline: true, viewport: { width, height: 740 }, colorScheme: dark ? 'dark' : 'light' },
  });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('request', (request) => {
    if (!request.url().startsWith(pathToFileURL(site).href)) complaints.push(request.url());
  });
  await page.goto(pathToFileURL(path.join(site, place)).href);
  return { page, complaints, close: () => context.close() };
}

const widthOf = (page: Page) => page.evaluate(() => document.documentElement.scrollWidth);

suite('the site of documents', { concurrency: false }, () => {
  test('every document is a page, every link leads somewhere, and a broken one is found', () => {
    const pages = fs.globSync('**/*.html', { cwd: site });
    for (const file of ['index', 'docs/user/index', 'docs/safety', 'docs/api/engine', 'docs/decisions/015-pg-boss'])
      assert.ok(pages.includes(`${file}.html`), file);
    assert.deepEqual(brokenLinks(site), []);
    const copy = path.join(folder, 'broken');
    fs.mkdirSync(copy);
    fs.writeFileSync(path.join(copy, 'a.html'), '<a id="x" href="b.html">b</a><a href="#y">y</a><a href="#x">x</a>');
    assert.deepEqual(brokenLinks(copy), ['a.html: b.html leads to no file', 'a.html: #y leads to no such place']);
  });

  for (const place of ['index.html', 'docs/api/workloads.html', 'search.html']) {
    test(`${place}: fits a phone, axe finds nothing in light and dark, nothing is logged or asked for`, async () => {
      const phone = await open(place, { width: 360 });
      assert.equal(await widthOf(phone.page), 360);
      assert.deepEqual(await axeViolations(phone.page), []);
      assert.deepEqual(phone.complaints, []);
      await phone.close();
      const dark = await open(place, { dark: true });
      assert.deepEqual(await axeViolations(dark.page, ['color-contrast']), []);
      const current = dark.page.locator('#pages [aria-current]');
      assert.equal(await current.count(), place === 'search.html' ? 0 : 1);
      const script = place === 'search.html' ? "script-src 'sha256-[^']*'; " : '';
      const rest = "style-src 'sha256-[^']*'; img-src 'self' file:; base-uri 'none'; form-action 'none'";
      assert.match(
        (await dark.page.locator('meta[http-equiv]').getAttribute('content'))!,
        new RegExp(`^default-src 'none'; ${script}${rest}$`),
      );
      assert.deepEqual(dark.complaints, []);
      await dark.close();
    });
  }

  test('pictures are shown, a sample report opens from its page, the search finds a heading and comes back', async () => {
    const { page, complaints, close } = await open('index.html');
    assert.ok(await page.locator('main img').evaluate((image) => (image as HTMLImageElement).naturalWidth > 0));
    await page.getByRole('link', { name: 'Search' }).click();
    await page.getByLabel('Words in all documents').fill('subclusters');
    assert.match((await page.locator('#count').textContent())!, /^[1-9]\d* places/);
    await page.getByLabel('Words in all documents').fill('exit codes');
    const first = page.locator('#found a').first();
    assert.match((await first.getAttribute('href'))!, /^docs\/exit-codes\.html/);
    await first.click();
    await page.goBack();
    assert.equal(await page.getByLabel('Words in all documents').inputValue(), 'exit codes');
    assert.deepEqual(complaints, []);
    await page.locator('#pages').getByRole('link', { name: 'A sample' }).click();
    await page.locator('main').getByRole('link', { name: 'install.html' }).click();
    assert.match(await page.title(), /install/);
    await close();
  });
});
