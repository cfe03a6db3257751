// Before building: api/, Cargo.toml, Cargo.lock and vercel.json agree with each other.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { check, functions, same } from './functions.mjs';

const tree = process.argv[2];
const read = (name) => readFileSync(join(tree, name), 'utf8');

const files = readdirSync(join(tree, 'api'), { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith('.rs'))
  .map((entry) => relative(tree, join(entry.parentPath ?? entry.path, entry.name)))
  .filter((path) => !path.split('/').some((part) => part.startsWith('_')))
  .sort();
same('api/ holds the expected files', files, functions);

const metadata = JSON.parse(
  execFileSync('cargo', ['metadata', '--no-deps', '--format-version', '1', '--locked', '--offline'], {
    cwd: tree,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  }),
);
const functionsPackage = metadata.packages.find((each) => each.manifest_path === join(tree, 'Cargo.toml'));
const bins = functionsPackage.targets.filter((target) => target.kind.includes('bin'));
same('each [[bin]] is a file of api/, and each file a [[bin]]', bins.map((bin) => relative(tree, bin.src_path)), files);

const runtimes = [...read('Cargo.lock').matchAll(/name = "vercel_runtime"\nversion = "(\d+)\.(\d+)\.(\d+)/g)];
const recent = runtimes.every(([, a, b, c]) => a * 1e6 + b * 1e3 + +c >= 2_004_001);
check('vercel_runtime keeps an instance awake for work after the answer (2.4.1)', runtimes.length > 0 && recent);

const config = JSON.parse(read('vercel.json'));
check('no framework is guessed', config.framework === null);
for (const { path } of config.crons ?? []) {
  const file = `${path.slice(1)}.rs`;
  check(`the cron of ${path} has its function`, files.includes(file));
  check(`${path} can be called from outside`, !('experimentalTriggers' in (config.functions[file] ?? {})));
}
const keys = Object.keys(config.functions);
const wildcard = keys.findIndex((key) => key.includes('*'));
check('exact keys stand before patterns', wildcard === -1 || keys.slice(wildcard).every((key) => key.includes('*')));
for (const trap of ['src/main.rs', 'build.sh', '.cargo/config.toml', '.vercelignore']) {
  check(`there is no ${trap}, which the builder would stumble over`, !existsSync(join(tree, trap)));
}
