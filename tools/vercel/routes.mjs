// Asks every route of a running `vercel dev`, as a stranger would.
import { setTimeout as sleep } from 'node:timers/promises';
import { check } from './functions.mjs';

const base = process.argv[2];
// The first request to a function compiles it.
const ask = (method, path, headers = {}) =>
  fetch(base + path, { method, headers, redirect: 'manual', signal: AbortSignal.timeout(900_000) });

for (const end = Date.now() + 60_000; ; await sleep(300)) {
  const answer = await ask('GET', '/robots.txt').catch(() => undefined);
  if (answer?.status === 200) break;
  if (Date.now() > end) throw new Error('`vercel dev` does not answer');
}

const problem = 'application/problem+json';
const secret = { authorization: `Bearer ${process.env.CRON_SECRET}` };
for (const [method, path, status, type, headers] of [
  ['GET', '/api/auth/twitter?profileId=p', 401, problem],
  ['GET', '/api/auth/friendster?profileId=p', 404, problem],
  ['POST', '/api/auth/twitter', 405, problem],
  // A query cannot stand in for the path, in either direction.
  ['GET', '/api/auth/twitter?platform=evil', 401, problem],
  ['GET', '/api/auth/evil?platform=twitter', 404, problem],
  ['GET', '/api/auth/twitter/callback?code=c&state=s', 302, undefined],
  ['GET', '/api/auth/friendster/callback?code=c&state=s', 404, problem],
  ['GET', '/api/auth/evil/callback?platform=twitter', 404, problem],
  ['POST', '/api/auth/twitter/callback', 405, problem],
  ['GET', '/api/connections?profileId=p', 401, problem],
  ['POST', '/api/connections', 405, problem],
  ['DELETE', '/api/connections/twitter?profileId=p', 401, problem],
  ['DELETE', '/api/connections/friendster?profileId=p', 404, problem],
  ['POST', '/api/connections/twitter', 405, problem],
  ['GET', '/api/posts?profileId=p', 401, problem],
  ['POST', '/api/posts', 401, problem],
  ['PUT', '/api/posts', 405, problem],
  ['GET', '/api/posts/p1', 401, problem],
  ['PATCH', '/api/posts/p1', 401, problem],
  ['DELETE', '/api/posts/p1', 401, problem],
  ['POST', '/api/posts/p1', 405, problem],
  ['GET', '/api/cron/publish', 401, problem],
  ['GET', '/api/cron/publish', 401, problem, { authorization: 'Bearer wrong' }],
  ['GET', '/api/cron/publish', 200, 'application/json', secret],
  ['DELETE', '/api/cron/publish', 405, problem, secret],
  ['GET', '/api/nothing', 404, undefined],
  // Sources are not for download.
  ['GET', '/Cargo.toml', 404, undefined],
  ['GET', '/Cargo.lock', 404, undefined],
  ['GET', '/vercel.json', 404, undefined],
  ['GET', '/.env.example', 404, undefined],
  ['GET', '/crates/social-core/src/lib.rs', 404, undefined],
  ['GET', '/src/config.rs', 404, undefined],
]) {
  const what = `${method} ${path}${headers ? ' with a bearer' : ''}: ${status}`;
  try {
    const answer = await ask(method, path, headers);
    const body = await answer.text();
    const found = answer.headers.get('content-type') ?? '';
    const good =
      answer.status === status &&
      (!type || found.startsWith(type)) &&
      (!type || answer.headers.get('cache-control') === 'no-store') &&
      (!path.startsWith('/api/') || !type || answer.headers.get('x-content-type-options') === 'nosniff');
    check(what, good, `${answer.status} ${found} ${answer.headers.get('cache-control')} ${body.slice(0, 200)}`);
  } catch (error) {
    check(what, false, `${error}`);
  }
}
