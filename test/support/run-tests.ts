/**
 * Runs the tests and ends with the one line that a build server reads: `N passed, N failed`.
 * The names of files that failed are left in `.tap/failed-files`.
 * Arguments are test files or options of tap; without any, everything runs.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Parser } from 'tap-parser';

const root = join(import.meta.dirname, '../..');
const bin = (name: string) => join(root, 'node_modules/.bin', name);
const tap = bin('tap');

// The first run after an install fails unless tap has built its plugin set once.
if (!existsSync(join(root, '.tap/plugins'))) spawnSync(tap, ['build'], { cwd: root, stdio: 'ignore' });

const requireAll = process.env['POSTERN_TEST_REQUIRE'] === 'all';
const args = ['run', '--reporter=tap', ...(requireAll ? ['--fail-skip'] : []), ...process.argv.slice(2)];
const child = spawn(tap, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });

const failedFiles: string[] = [];
const counts = { passed: 0, failed: 0, skipped: 0 };

/** Counts assertions, not the summary lines of the subtests around them, and prints each failure where it stands. */
function watch(parser: Parser, path: readonly string[]): void {
  const subtests = new Map<string, number>();
  parser.on('child', (child: Parser) => {
    subtests.set(child.name, (subtests.get(child.name) ?? 0) + 1);
    watch(child, [...path, child.name]);
    if (path.length === 0) child.once('complete', (results) => report(child.name, results.ok));
  });
  parser.on('assert', (result) => {
    const open = subtests.get(result.name) ?? 0;
    if (open > 0) {
      subtests.set(result.name, open - 1);
      // A subtest that fails without a failed assertion inside: a throw, a timeout, a plan not kept.
      if (result.ok || counts.failed > 0) return;
    }
    if (result.skip) counts.skipped += 1;
    else if (result.ok) counts.passed += 1;
    else counts.failed += 1;
    if (result.skip) print(`  skipped ${[...path, result.name].join(' > ')}: ${String(result.skip)}`);
    if (!result.ok)
      print(`  not ok ${[...path, result.name].join(' > ')}\n${indent(JSON.stringify(result.diag, null, 2))}`);
  });
}

function report(name: string, ok: boolean): void {
  if (!ok) failedFiles.push(name);
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
child.stdout.pipe(parser);
child.once('close', (code) => {
  if (code !== 0 && counts.failed === 0) counts.failed = 1;
  writeFileSync(join(root, '.tap/failed-files'), failedFiles.map((name) => `${name}\n`).join(''));
  print(`\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  process.exit(code !== 0 || counts.failed > 0 || counts.passed === 0 ? 1 : 0);
});
