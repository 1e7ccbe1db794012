/** `npm run bench [-- NAME...]`: runs the benchmarks one after another and prints what they measured. Nothing is asserted. */
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { agent } from './agent.ts';
import { cuts } from './cuts.ts';
import { decisions } from './decisions.ts';
import { evidence } from './evidence.ts';
import { fwknop } from './fwknop.ts';
import { gateway } from './gateway.ts';
import { grants } from './grants.ts';
import { knocks } from './knocks.ts';
import { logSearch } from './log-search.ts';
import type { Bench, Result } from './measure.ts';
import { needPrograms } from './programs.ts';
import { quickstart } from './quickstart.ts';
import { records } from './records.ts';
import { replay } from './replay.ts';
import { restart } from './restart.ts';
import { spool } from './spool.ts';
import { tunnels } from './tunnels.ts';
import { verify } from './verify.ts';

const benches: readonly Bench[] = [
  gateway,
  tunnels,
  decisions,
  grants,
  spool,
  records,
  cuts,
  quickstart,
  agent,
  restart,
  replay,
  knocks,
  fwknop,
  verify,
  evidence,
  logSearch,
];

const help = `npm run bench                 all benchmarks
npm run bench -- NAME...      only these
npm run bench -- --help       this text

${benches.map(({ name, about }) => `  ${name.padEnd(12)} ${about}`).join('\n')}

A table goes to standard output, progress to standard error. Run it on an idle machine.
`;

/** What is still to be ended, last one first; one list, since benchmarks run one after another. */
const ends: (() => unknown)[] = [];
let stopping: Promise<void> | undefined;

function endAll(): Promise<void> {
  stopping ??= (async () => {
    for (let end = ends.pop(); end !== undefined; end = ends.pop()) await end();
    stopping = undefined;
  })();
  return stopping;
}

async function runBench(bench: Bench): Promise<readonly Result[]> {
  needPrograms(bench);
  const dir = mkdtempSync(join(tmpdir(), 'postern-bench-'));
  ends.push(() => rmSync(dir, { recursive: true, force: true }));
  try {
    return await bench.run({
      dir,
      tell: (line) => process.stderr.write(`${bench.name}: ${line}\n`),
      defer: (end) => ends.push(end),
    });
  } finally {
    await endAll();
  }
}

async function main(wanted: readonly string[]): Promise<number> {
  if (wanted.includes('--help') || wanted.includes('-h')) {
    process.stdout.write(help);
    return 0;
  }
  const unknown = wanted.filter((name) => !benches.some((bench) => bench.name === name));
  if (unknown.length > 0) {
    process.stderr.write(`there is no benchmark ${unknown.join(', ')}\n\n${help}`);
    return 2;
  }
  const chosen = benches.filter(({ name }) => wanted.length === 0 || wanted.includes(name));
  const model = cpus()[0]?.model ?? 'unknown processor';
  process.stdout.write(`Node ${process.version}, ${cpus().length} cores, ${model}\n\n`);
  process.stdout.write('| benchmark | what | measured | beside |\n|---|---|---|---|\n');
  let failed = 0;
  for (const bench of chosen) {
    try {
      for (const { what, measured, beside = '' } of await runBench(bench)) {
        process.stdout.write(`| ${bench.name} | ${what} | ${measured} | ${beside} |\n`);
      }
    } catch (error) {
      // The others are worth their figures all the same.
      failed += 1;
      process.stderr.write(`${bench.name}: ${error instanceof Error ? error.message : String(error)}\n`);
    }
  }
  return failed === 0 ? 0 : 1;
}

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  process.once(signal, () => {
    process.stderr.write('stopping\n');
    void endAll().then(() => process.exit(code));
  });
}
process.exit(await main(process.argv.slice(2)));
