/**
 * Runs the tests and ends with the one line that a build server reads: `N passed, N failed`.
 * The names of files that failed are left in `.tap/failed-files`.
 * Arguments are test files or options of tap; without any, everything runs.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Parser } from 'tap-parser';
import { endOrphans, runMark } from './end-orphans.ts';

const root = join(import.meta.dirname, '../..');
const bin = (name: string) => join(root, 'node_modules/.bin', name);
const tap = bin('tap');

// After each install every test fails until tap has built its set of plugins, into its own package and `.tap/plugins`.
const built = join(root, 'node_modules/@tapjs/test/test-built/dist/esm/index.js');
const mark = join(root, '.tap/built');
const readBuilt = () => (existsSync(built) ? String(statSync(built).mtimeMs) : '');
if (!existsSync(join(root, '.tap/plugins')) || !existsSync(mark) || readFileSync(mark, 'utf8') !== readBuilt()) {
  const { status } = spawnSync(tap, ['build'], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
  if (status === 0) writeFileSync(mark, readBuilt());
}

const requireAll = process.env['POSTERN_TEST_REQUIRE'] === 'all';
const loaded = pathToFileURL(join(import.meta.dirname, 'plain-children.ts'));
const args = [
  'run',
  '--reporter=tap',
  `--node-arg=--import=${loaded}`,
  ...(requireAll ? ['--fail-skip'] : []),
  ...process.argv.slice(2),
];
// Each test file, and each process that it starts, would compile the same modules again.
const env = { NODE_COMPILE_CACHE: join(root, '.tap/compile-cache'), ...process.env, ...runMark() };
const child = spawn(tap, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'inherit'] });

// A file has four minutes, which is three times what the longest one takes: machines are busy at times. After more than that without a
// word nothing will come: first what was left behind is ended, then everything, so that the run ends and says what failed.
const silenceMs = 360_000;
let isSilentAgain = false;
const silence = setTimeout(() => {
  for (const each of endOrphans(isSilentAgain)) print(`  ended, since the tests said nothing for long: ${each}`);
  isSilentAgain = true;
  silence.refresh();
}, silenceMs);

const failedFiles: string[] = [];
const counts = { passed: 0, failed: 0, skipped: 0 };

/**
 * Counts assertions, not the summary lines of the subtests around them, and prints each failure where it stands. The line of a
 * subtest alone knows what has no assertion inside: a throw, a timeout, a file that ended before its first test.
 */
function watch(parser: Parser, path: readonly string[]): { failures: number } {
  const seen = { failures: 0 };
  const subtests = new Map<string, { failures: number }[]>();
  parser.on('child', (child: Parser) => {
    subtests.set(child.name, [...(subtests.get(child.name) ?? []), watch(child, [...path, child.name])]);
  });
  parser.on('assert', (result) => {
    const inside = subtests.get(result.name)?.shift();
    const empty = path.length === 0 && String(result.skip) === 'no tests found';
    const ok = result.ok && !empty;
    const where = [...path, result.name].join(' > ');
    seen.failures += ok ? 0 : 1;
    if (!ok && !inside?.failures) {
      counts.failed += 1;
      print(`  not ok ${where}\n${indent(empty ? 'no tests found' : JSON.stringify(result.diag, null, 2))}`);
    } else if (ok && !inside && !result.skip) counts.passed += 1;
    if (result.skip && !empty) {
      counts.skipped += 1;
      print(`  skipped ${where}: ${String(result.skip)}`);
    }
    // Of a file that was ended the result is named after that.
    const expired: unknown = result.diag?.expired;
    if (path.length === 0) report(typeof expired === 'string' ? expired : result.name, ok);
  });
  return seen;
}

function report(name: string, ok: boolean): void {
  if (!ok && existsSync(join(root, name)) && !failedFiles.includes(name)) failedFiles.push(name);
  print(`${ok ? 'ok    ' : 'not ok'} ${name}`);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function indent(text: string | undefined): string {
  return (text ?? '').replaceAll(/^/gm, '    ');
}

const parser = new Parser({ strict: false });
watch(parser, []);
child.stdout.on('data', () => silence.refresh()).pipe(parser);
child.once('close', (code) => {
  clearTimeout(silence);
  if (code !== 0 && counts.failed === 0) counts.failed = 1;
  writeFileSync(join(root, '.tap/failed-files'), failedFiles.map((name) => `${name}\n`).join(''));
  print(`\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  process.exit(code !== 0 || counts.failed > 0 || counts.passed === 0 ? 1 : 0);
});
