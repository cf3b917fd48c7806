// Chromium with the page that draws one board. No server: what the page asks of its own address is answered here.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';
import { boardHeight, WIDTH } from './grid.js';

const HERE = dirname(fileURLToPath(import.meta.url));
const ORIGIN = 'http://pictures.localhost';
const PUBLIC = {
  '/public/build/img/icons': '@grafana/ui/dist/public/img/icons',
  '/public/fonts/inter/Inter-Regular.woff2': '@fontsource/inter/files/inter-latin-400-normal.woff2',
  '/public/fonts/inter/Inter-Medium.woff2': '@fontsource/inter/files/inter-latin-500-normal.woff2',
};
const TYPES = { css: 'text/css', js: 'text/javascript', svg: 'image/svg+xml', woff2: 'font/woff2' };
const HTML =
  '<!doctype html><meta charset="utf-8"><link rel="stylesheet" href="/page.css"><div id="root"></div><script src="/page.js"></script>';

async function bundle() {
  const inline = ['.svg', '.png', '.ttf', '.woff', '.woff2'].map((extension) => [extension, 'dataurl']);
  const { outputFiles } = await build({
    entryPoints: [join(HERE, 'page.jsx')],
    outdir: HERE,
    bundle: true,
    write: false,
    minify: true,
    jsx: 'automatic',
    logLevel: 'error',
    loader: Object.fromEntries(inline),
    define: { 'process.env.NODE_ENV': '"production"', global: 'window' },
  });
  return Object.fromEntries(outputFiles.map((file) => [file.path.slice(HERE.length), file.text]));
}

// What a Grafana server has beside its pages.
function publicFile(pathname) {
  const prefix = Object.keys(PUBLIC).find((name) => pathname.startsWith(name));
  if (!prefix) return undefined;
  const file = join(HERE, 'node_modules', PUBLIC[prefix] + pathname.slice(prefix.length));
  return existsSync(file) ? readFileSync(file) : undefined;
}

// Prometheus is asked from here: Chromium lets no page reach into a private network.
async function forward(request, prometheus) {
  const { pathname, search } = new URL(request.url());
  const body = request.postData() ?? undefined;
  const headers = body ? { 'content-type': 'application/x-www-form-urlencoded' } : {};
  try {
    const response = await fetch(prometheus.replace(/\/$/, '') + pathname + search, { method: request.method(), headers, body });
    return { status: response.status, contentType: 'application/json', body: await response.text() };
  } catch (error) {
    const reason = `${prometheus} cannot be reached: ${error.cause?.message ?? error.message}`;
    return { contentType: 'application/json', body: JSON.stringify({ status: 'error', error: reason }) };
  }
}

async function answer(route, files, prometheus) {
  const { pathname } = new URL(route.request().url());
  if (pathname.startsWith('/api/')) return route.fulfill(await forward(route.request(), prometheus));
  if (pathname === '/') return route.fulfill({ contentType: 'text/html', body: HTML });
  if (pathname === '/favicon.ico') return route.fulfill({ status: 204 });
  const body = files[pathname] ?? publicFile(pathname);
  const contentType = TYPES[pathname.split('.').pop()];
  return body ? route.fulfill({ contentType, body }) : route.fulfill({ status: 404 });
}

const describePanels = (elements) =>
  elements.map(({ dataset, innerText }) => ({
    id: Number(dataset.panel),
    title: dataset.title,
    state: dataset.state,
    text: innerText.replace(/\s*\n\s*/g, ' | ').slice(0, 300),
  }));

// Charts and tables measure themselves and draw in several rounds; the picture is done when two looks a second apart agree.
async function settle(page) {
  let before;
  for (let look = 0; look < 20; look += 1) {
    const now = (await page.screenshot()).toString('base64');
    if (now === before) return;
    before = now;
    await page.waitForTimeout(1000);
  }
  throw new Error('the page does not come to rest');
}

export class Camera {
  static async open() {
    const files = await bundle();
    const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--disable-gpu'] });
    return new Camera(browser, files);
  }

  constructor(browser, files) {
    this.browser = browser;
    this.files = files;
  }

  // Draws settings.board into a file; says how its panels went, and what the page complained of.
  async take(settings, file) {
    const viewport = { width: WIDTH, height: boardHeight(settings.board) };
    const page = await this.browser.newPage({ viewport, timezoneId: 'UTC' });
    const complaints = [];
    page.on('console', (message) => message.type() === 'error' && complaints.push(`${message.text()} (${message.location().url})`));
    page.on('pageerror', (error) => complaints.push(String(error)));
    await page.route(`${ORIGIN}/**`, (route) => answer(route, this.files, settings.prometheus));
    await page.addInitScript((value) => (window.picture = value), settings);
    await page.goto(ORIGIN);
    const ready = page.waitForSelector('[data-board]', { state: 'attached' }).then(() => settle(page));
    await ready.catch((error) => complaints.push(error.message));
    await page.screenshot({ path: file });
    const panels = await page.$$eval('[data-panel]', describePanels);
    await page.close();
    return { panels, complaints };
  }

  close() {
    return this.browser.close();
  }
}
