// Opens the pages of an agent in Chromium, as the visits on standard input say, and checks each.
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const FINDINGS = ['serious', 'critical'];
// The page is stale after 15 s.
const STALE = 25000;

// Checks that fit every page.
async function check(page, faults) {
  const width = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
  if (width[0] > width[1]) faults.push(`it is ${width[0]} pixels wide in a window of ${width[1]}`);
  const found = await page.evaluate(`${AXE}; axe.run()`);
  for (const { id, impact, nodes } of found.violations) {
    const where = nodes.slice(0, 3).map((node) => node.html.slice(0, 160));
    const line = `axe: ${impact} ${id}: ${nodes.length} times, such as ${where.join(' ')}`;
    if (FINDINGS.includes(impact)) faults.push(line);
    else console.log(`note: ${page.url()}: ${line}`);
  }
}

// A refresh keeps open details and the focus, and brings newer data.
async function refreshed(page, faults) {
  await page.locator('details summary').first().click();
  await page.keyboard.press('Tab');
  const state = () =>
    page.evaluate(() => ({
      time: document.querySelector('main').dataset.time,
      open: document.querySelector('details').open,
      focus: document.activeElement.outerHTML.slice(0, 80),
    }));
  const before = await state();
  await page.waitForFunction((time) => document.querySelector('main').dataset.time !== time, before.time, { timeout: 12000 });
  const after = await state();
  if (!after.open) faults.push('a refresh closes details');
  if (after.focus !== before.focus || after.focus.startsWith('<body')) faults.push(`a refresh moves the focus from ${before.focus} to ${after.focus}`);
}

// Without a script the page reloads by itself.
async function reloaded(page, faults) {
  const reload = page.waitForEvent('framenavigated', { timeout: 15000 });
  await reload.catch(() => faults.push('without a script it does not reload'));
}

async function stale(page, pid, faults) {
  process.kill(pid, 'SIGSTOP');
  const shown = page.waitForSelector('.stale #stale', { timeout: STALE });
  await shown.catch(() => faults.push('it does not say that it is stale'));
}

async function continued(page, pid, faults) {
  process.kill(pid, 'SIGCONT');
  const current = page.waitForSelector('body:not(.stale)', { timeout: STALE });
  await current.catch(() => faults.push('it stays stale'));
}

async function visit(browser, wanted, directory) {
  const faults = [];
  const context = await browser.newContext({
    viewport: { width: wanted.width, height: wanted.width > 700 ? 900 : 740 },
    colorScheme: wanted.scheme,
    javaScriptEnabled: wanted.check !== 'reload',
    timezoneId: 'UTC',
  });
  const page = await context.newPage();
  page.on('console', (message) => message.type() === 'error' && wanted.check !== 'stale' && faults.push(message.text()));
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('dialog', (dialog) => faults.push(`a dialog: ${dialog.message()}`) && dialog.dismiss());
  page.on('request', (request) => {
    if (!request.url().startsWith(new URL(wanted.url).origin) && !request.url().startsWith('data:')) faults.push(`it requests ${request.url()}`);
  });
  await page.addInitScript(() => {
    window.violations = [];
    document.addEventListener('securitypolicyviolation', (event) => window.violations.push(`${event.violatedDirective} ${event.blockedURI}`));
  });
  const reply = await page.goto(wanted.url);
  if (reply.status() !== 200) faults.push(`status ${reply.status()}`);
  if (wanted.check === 'reload') {
    await reloaded(page, faults);
  } else {
    await check(page, faults);
    if (wanted.check === 'refresh') await refreshed(page, faults);
    if (wanted.check === 'stale') await stale(page, wanted.pid, faults);
    if (wanted.check === 'stale') await check(page, faults);
  }
  await page.screenshot({ path: join(directory, `${wanted.name}.png`), fullPage: wanted.whole ?? false });
  if (wanted.check === 'stale') await continued(page, wanted.pid, faults);
  if (wanted.check !== 'reload') faults.push(...(await page.evaluate(() => window.violations)).map((it) => `policy: ${it}`));
  await context.close();
  return faults;
}

async function main() {
  const [directory] = process.argv.slice(2);
  const visits = JSON.parse(readFileSync(0, 'utf8'));
  mkdirSync(directory, { recursive: true });
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--disable-gpu'] });
  let count = 0;
  try {
    for (const wanted of visits) {
      const faults = await visit(browser, wanted, directory);
      for (const fault of faults) console.error(`${wanted.name}: ${fault}`);
      count += faults.length;
    }
  } finally {
    await browser.close();
  }
  if (count) console.error(`${count} faults`);
  process.exitCode = count ? 1 : 0;
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
