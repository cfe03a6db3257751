// One walk through the console page: connect X at the sandbox, compose a post with a picture, schedule it a few
// seconds ahead, and see it published. Any error on the page, and any request to another host, fails it.
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { chromium } from 'playwright-core';

const [program, executablePath, pictures] = process.argv.slice(2);

const port = await new Promise((resolve) => {
  const server = createServer().listen(0, '127.0.0.1', () => {
    const { port } = server.address();
    server.close(() => resolve(port));
  });
});
const base = `http://127.0.0.1:${port}`;

const log = [];
const local = spawn(program, ['--port', `${port}`], {
  // The embedded store, whatever the shell has set.
  env: { ...process.env, FIRESTORE_EMULATOR_HOST: '' },
  stdio: ['ignore', 'pipe', 'pipe'],
});
let ended;
for (const stream of [local.stdout, local.stderr]) stream.on('data', (text) => log.push(text));
local.on('error', (error) => (ended = `${error}`));
local.on('exit', (code, signal) => (ended ??= `it ended: ${code ?? signal}`));
process.on('exit', () => local.kill('SIGKILL'));

const complaints = [];
let page;
let browser;
let step = 'starting the program';
const say = (text) => console.log(`browser: ${(step = text)}`);

try {
  const alive = () => fetch(`${base}/`).then((answer) => answer.ok, () => false);
  for (const end = Date.now() + 30_000; !(await alive()); await sleep(100)) {
    if (ended) throw new Error(ended);
    if (Date.now() > end) throw new Error('the program does not answer');
  }

  browser = await chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--no-first-run'],
  });
  page = await browser.newPage({ viewport: { width: 1280, height: 960 } });
  page.setDefaultTimeout(20_000);
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(`console: ${message.text()} (${message.location().url})`);
  });
  page.on('pageerror', (error) => complaints.push(`uncaught: ${error}`));
  page.on('request', (request) => {
    const url = new URL(request.url());
    const here = ['127.0.0.1', 'localhost'].includes(url.hostname) && url.port === `${port}`;
    if (!here && !['data:', 'blob:', 'about:'].includes(url.protocol)) complaints.push(`a request to ${url.origin}`);
  });

  say('open the page');
  await page.goto(`${base}/`, { waitUntil: 'load' });

  say('connect X');
  await page.click('#connect-twitter');
  await page.waitForSelector('button[name=decision][value=approve]');
  say('consent at the sandbox');
  await page.click('button[name=decision][value=approve]');
  await page.waitForSelector('#content');
  await page.locator('[data-connection=twitter]', { hasText: '@acme' }).waitFor();

  say('compose a post with a picture');
  const content = `Written in a browser, ${new Date().toISOString()}`;
  await page.fill('#content', content);
  const choices = await page.locator('#media option').evaluateAll((options) => options.map(({ value, label }) => ({ value, label })));
  const picture = choices.find(({ value, label }) => /\.(jpe?g|png)|image/i.test(`${value} ${label}`));
  if (!picture) throw new Error(`#media offers no picture: ${JSON.stringify(choices)}`);
  await page.selectOption('#media', picture.value);
  await page.fill('#delay', '8');

  say('schedule it 8 seconds ahead');
  await page.click('#schedule');
  const row = page.locator('#posts [data-post-state]').first();
  await page.locator('#posts', { hasText: content }).waitFor();

  say('wait until it is published');
  let state;
  for (const end = Date.now() + 90_000; Date.now() < end; await sleep(200)) {
    const seen = await row.getAttribute('data-post-state');
    if (seen !== state) console.log(`browser:   ${(state = seen)}`);
    if (state === 'published' || state === 'failed') break;
  }
  if (state !== 'published') throw new Error(`the post is ${state}: ${await row.innerText()}`);

  await sleep(500);
  await page.screenshot({ fullPage: true, path: join(pictures, 'console.png') });
  if (complaints.length) throw new Error('the page is not clean');
  say(`done, without an error on the page or a request elsewhere; ${pictures}/console.png`);
} catch (error) {
  process.exitCode = 1;
  console.error(`browser: FAILED at "${step}": ${error}`);
  for (const complaint of complaints) console.error(`  ${complaint}`);
  await page?.screenshot({ fullPage: true, path: join(pictures, 'console-failed.png') }).catch(() => {});
  if (page) console.error(`  at ${page.url()}; ${pictures}/console-failed.png`);
  console.error(log.join('').trimEnd());
} finally {
  await browser?.close();
  local.kill('SIGTERM');
}
