// Runs Chromium with the page that draws one dashboard. There is no server: this file answers the requests of the page.
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
// The README shows the first rows of this board.
const README_BOARD = 'pgcommons-server';
const README_HEIGHT = 880;
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

// The static files of a Grafana server.
function publicFile(pathname) {
  const prefix = Object.keys(PUBLIC).find((name) => pathname.startsWith(name));
  if (!prefix) return undefined;
  const file = join(HERE, 'node_modules', PUBLIC[prefix] + pathname.slice(prefix.length));
  return existsSync(file) ? readFileSync(file) : undefined;
}

// Forwards requests to Prometheus, because Chromium does not let a page access a private network.
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
  elements.map((element) => ({
    id: Number(element.dataset.panel),
    title: element.dataset.title,
    state: element.dataset.state,
    text: element.innerText.replace(/\s*\n\s*/g, ' | ').slice(0, 300),
    links: [...element.querySelectorAll('a[href]')].map((link) => link.getAttribute('href')),
  }));

// Charts and tables draw in several steps. The picture is finished when two screenshots, a second apart, are equal.
async function settle(page) {
  let before;
  for (let attempt = 0; attempt < 20; attempt += 1) {
    const now = (await page.screenshot()).toString('base64');
    if (now === before) return;
    before = now;
    await page.waitForTimeout(1000);
  }
  throw new Error('the page keeps changing');
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

  // Draws settings.board into a file. Returns the states of its panels and the errors of the page.
  async take(settings, file) {
    const viewport = { width: WIDTH, height: boardHeight(settings.board) };
    const page = await this.browser.newPage({ viewport, timezoneId: 'UTC' });
    const errors = [];
    page.on('console', (message) => message.type() === 'error' && errors.push(`${message.text()} (${message.location().url})`));
    page.on('pageerror', (error) => errors.push(String(error)));
    await page.route(`${ORIGIN}/**`, (route) => answer(route, this.files, settings.prometheus));
    await page.addInitScript((value) => (window.picture = value), settings);
    await page.goto(ORIGIN);
    const ready = page.waitForSelector('[data-board]', { state: 'attached' }).then(() => settle(page));
    await ready.catch((error) => errors.push(error.message));
    await page.screenshot({ path: file });
    if (settings.board.uid === README_BOARD) {
      const clip = { x: 0, y: 0, width: WIDTH, height: README_HEIGHT };
      await page.screenshot({ path: file.replace(/\.png$/, '-top.png'), clip });
    }
    const panels = await page.$$eval('[data-panel]', describePanels);
    await page.close();
    return { panels, errors };
  }

  close() {
    return this.browser.close();
  }
}
