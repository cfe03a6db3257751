// After building: `.vercel/output` holds the functions, their routes, and nothing to download but `public/`.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { check, functions, same } from './functions.mjs';

const tree = process.argv[2];
const output = join(tree, '.vercel/output');

function list(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath ?? entry.path, entry.name)))
    .sort();
}

const expected = functions.map((file) => file.replace(/\.rs$/, ''));
const configs = list(join(output, 'functions')).filter((file) => file.endsWith('.func/.vc-config.json'));
same('exactly the expected functions were built', configs.map((file) => file.replace('.func/.vc-config.json', '')), expected);

const limits = JSON.parse(readFileSync(join(tree, 'vercel.json'), 'utf8')).functions;
const ticking = functions.filter((file) => limits[file]);
for (const file of configs) {
  const built = JSON.parse(readFileSync(join(output, 'functions', file), 'utf8'));
  const source = file.replace('.func/.vc-config.json', '.rs');
  const wanted = (limits[source] ?? limits['api/**/*.rs']).maxDuration;
  if (built.maxDuration !== wanted) check(`${source} may take ${wanted} s`, false, `it says ${built.maxDuration}`);
}
check(`time limits as in vercel.json (${ticking.length} of them their own)`, process.exitCode !== 1);

const { routes } = JSON.parse(readFileSync(join(output, 'config.json'), 'utf8'));
const lead = (path) => {
  for (const route of routes) {
    const match = route.src && route.dest?.startsWith('/api') && new RegExp(route.src).exec(path);
    if (match) return route.dest.replace(/\$(\d)/g, (_, group) => match[group]);
  }
};
for (const [path, wanted] of [
  ['/api/auth/tiktok', '/api/auth/[platform]?platform=tiktok'],
  ['/api/auth/tiktok/callback', '/api/auth/[platform]/callback?platform=tiktok'],
  ['/api/connections/twitter', '/api/connections/[platform]?platform=twitter'],
  ['/api/posts/p1', '/api/posts/[id]?id=p1'],
]) {
  check(`${path} leads to its function`, lead(path) === wanted, `it leads to ${lead(path)}`);
}

same('to be downloaded is what public/ holds, and nothing else', list(join(output, 'static')), list(join(tree, 'public')));
