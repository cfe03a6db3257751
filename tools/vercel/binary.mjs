// Starts a built publish function twice: by port, and with the platform's socket, and asks it for a tick.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { check } from './functions.mjs';

const binary = process.argv[2];
const authorization = `Bearer ${process.env.CRON_SECRET}`;

const freePort = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

async function eventually(what, probe) {
  for (const end = Date.now() + 15_000; Date.now() < end; await sleep(20)) {
    const found = await probe();
    if (found) return found;
  }
  throw new Error(`${what}: not within 15 s`);
}

async function running(environment, story) {
  const port = await freePort();
  const log = [];
  const child = spawn(binary, { env: { ...process.env, VERCEL_DEV_PORT: port, ...environment }, stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = new Promise((resolve) => child.on('exit', (code, signal) => resolve(code ?? signal)));
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => log.push(text));
  const base = `http://127.0.0.1:${port}`;
  try {
    const alive = () => fetch(`${base}/_vercel/ping`).then((answer) => answer.ok, () => false);
    await eventually('the function answers a ping', alive);
    await story((headers) => fetch(`${base}/api/cron/publish`, { headers, signal: AbortSignal.timeout(110_000) }));
  } catch (error) {
    check('the function works', false, `${error}`);
  }
  child.kill('SIGTERM');
  const end = await Promise.race([exited, sleep(15_000, 'still running')]);
  check('it ends by itself when told to', end === 0, `${end}`);
  child.kill('SIGKILL');
  if (process.exitCode) console.error(log.join('').trimEnd());
}

await running({}, async (tick) => {
  check('no secret: 401', (await tick({})).status === 401);
  check('wrong secret: 401', (await tick({ authorization: 'Bearer wrong' })).status === 401);
  check('empty secret: 401', (await tick({ authorization: 'Bearer ' })).status === 401);
  const answer = await tick({ authorization, 'user-agent': 'vercel-cron/1.0', 'x-vercel-cron-schedule': '* * * * *' });
  const summary = await answer.text();
  check('the secret: 200 and a summary in JSON', answer.status === 200 && typeof JSON.parse(summary) === 'object', `${answer.status} ${summary}`);
});

await running({ CRON_SECRET: '' }, async (tick) => {
  check('a function without a secret lets nobody in', (await tick({ authorization: 'Bearer ' })).status === 401);
});

const folder = mkdtempSync(join(tmpdir(), 'vercel-ipc-'));
const messages = [];
let rest = '';
const socket = createServer((connection) =>
  connection.on('data', (bytes) => {
    const parts = (rest + bytes).split('\0');
    rest = parts.pop();
    messages.push(...parts.map((part) => JSON.parse(part)));
  }),
).listen(join(folder, 'ipc.sock'));
await running({ VERCEL_IPC_PATH: join(folder, 'ipc.sock') }, async (tick) => {
  const ids = { 'x-vercel-internal-invocation-id': 'invocation-1', 'x-vercel-internal-request-id': '7' };
  await eventually('it says that it has started', () => messages.find(({ type }) => type === 'server-started'));
  check('it tells the platform that it has started', true);
  check('asked through the platform: 200', (await tick({ authorization, ...ids })).status === 200);
  const ended = await eventually('it says that the request is over', () => messages.find(({ type }) => type === 'end'));
  check('it tells the platform that the request is over', ended.payload.context.invocationId === 'invocation-1');
});
socket.close();
rmSync(folder, { recursive: true });
