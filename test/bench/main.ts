/** `npm run bench [name...]`: runs the benchmarks one after another and prints what they measured. Nothing is asserted. */
import { cpus } from 'node:os';
import { agent } from './agent.ts';
import { cuts } from './cuts.ts';
import { decisions } from './decisions.ts';
import { grants } from './grants.ts';
import type { Bench } from './measure.ts';
import { quickstart } from './quickstart.ts';
import { spool } from './spool.ts';

const benches: readonly Bench[] = [decisions, grants, spool, cuts, quickstart, agent];

const wanted = process.argv.slice(2);
if (wanted.includes('--help')) {
  for (const { name, about } of benches) process.stdout.write(`${name.padEnd(12)} ${about}\n`);
  process.exit(0);
}
const unknown = wanted.filter((name) => !benches.some((bench) => bench.name === name));
if (unknown.length > 0) {
  process.stderr.write(
    `there is no benchmark ${unknown.join(', ')}; there are ${benches.map(({ name }) => name).join(', ')}\n`,
  );
  process.exit(2);
}

process.stdout.write(`Node ${process.version}, ${cpus().length} cores, ${cpus()[0]?.model ?? 'unknown processor'}\n\n`);
process.stdout.write('| benchmark | what | measured | beside |\n|---|---|---|---|\n');
for (const { name, run } of benches) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  for (const { what, measured, beside = '' } of await run()) {
    process.stdout.write(`| ${name} | ${what} | ${measured} | ${beside} |\n`);
  }
}
process.exit(0);
