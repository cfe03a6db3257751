// The functions there are meant to be. What is found in the tree, in the manifest and in the build is held against
// this list, so that one that vanishes or appears by accident is noticed.
export const functions = [
  'api/auth/[platform].rs',
  'api/auth/[platform]/callback.rs',
  'api/connections.rs',
  'api/connections/[platform].rs',
  'api/cron/publish.rs',
  'api/posts.rs',
  'api/posts/[id].rs',
];

export function same(what, found, wanted) {
  const missing = wanted.filter((item) => !found.includes(item));
  const extra = found.filter((item) => !wanted.includes(item));
  check(what, !missing.length && !extra.length, `missing: ${missing.join(', ') || '-'}; extra: ${extra.join(', ') || '-'}`);
}

// One line per check; a failed one makes the process fail, after the others have been tried.
export function check(what, good, detail = '') {
  console.log(`  ${good ? 'ok    ' : 'FAILED'} ${what}${good || !detail ? '' : ` (${detail})`}`);
  if (!good) process.exitCode = 1;
}
