/** `npm run fuzz:cedar -- --cases N --seed S`: our Cedar engine beside the official one, for as long as you like. */
import { parseArgs } from 'node:util';
import { emptyTally, runDifferential } from './support/run-differential.ts';

const { values } = parseArgs({
  options: { cases: { type: 'string', default: '300000' }, seed: { type: 'string' }, help: { type: 'boolean' } },
});
if (values.help) {
  process.stdout.write(
    'npm run fuzz:cedar -- [--cases N] [--seed S]\n\nAsks both engines N generated questions (300,000 unless told). When they differ, the\nsmallest question found that shows it is printed, and the exit code is 1. One seed makes the same questions again.\n',
  );
  process.exit(0);
}
const cases = Number(values.cases);
const seed = values.seed === undefined ? Date.now() % 0x7fffffff : Number(values.seed);
if (!Number.isSafeInteger(cases) || cases < 1 || !Number.isSafeInteger(seed)) {
  process.stderr.write('--cases and --seed are whole numbers\n');
  process.exit(2);
}

const step = 10_000;
const tally = emptyTally();
const began = performance.now();
process.stdout.write(`seed ${seed}\n`);
for (let at = 0; tally.asks < cases; at++) {
  // Each step has seeds of its own, so that a step can be repeated alone.
  const difference = runDifferential(Math.min(step, cases - tally.asks), seed + at * step, tally);
  if (difference !== undefined) {
    process.stdout.write(`${difference}\n`);
    process.exit(1);
  }
  process.stderr.write(`${tally.asks} cases, ${Math.round((performance.now() - began) / 1000)} s\n`);
}
process.stdout.write(`${tally.asks} cases, no difference\n`);
for (const [kind, count] of [...tally.outcomes].sort(([, a], [, b]) => b - a))
  process.stdout.write(`${count}\t${kind}\n`);
