/** `npm run fuzz -- <target|all> [--minutes 10] [--seed S]`: throws what no honest peer sends at everything that reads it. */
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import type { Progress } from './run-blocks.ts';
import { targets } from './targets.ts';
import { type Watched, watchTarget } from './watch-child.ts';

const usage = `npm run fuzz -- <target>... [options]     'all' stands for every target

${targets.map(({ name, about }) => `  ${name.padEnd(12)} ${about}`).join('\n')}

  --minutes N   for each target; 10 unless told (--seconds N for less)
  --cases N     for each target, instead of a time
  --seed S      a whole number; printed, random unless told
  --block B     begin with this block, run it alone: how a find is seen again
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    minutes: { type: 'string', default: '10' },
    seconds: { type: 'string' },
    cases: { type: 'string' },
    seed: { type: 'string' },
    block: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

function end(text: string, code: number): never {
  (code === 0 ? process.stdout : process.stderr).write(text);
  process.exit(code);
}

function whole(name: string, text: string | undefined, usual: number): number {
  if (text === undefined) return usual;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) end(`--${name} is a whole number, not ${text}\n`, 2);
  return value;
}

if (values.help || positionals.length === 0) end(usage, values.help ? 0 : 2);
const wanted = positionals.includes('all') ? targets.map(({ name }) => name) : positionals;
const unknown = wanted.filter((name) => !targets.some((target) => target.name === name));
if (unknown.length > 0) end(`there is no target ${unknown.join(', ')}\n\n${usage}`, 2);
const seed = whole('seed', values.seed, randomInt(2 ** 31));
const block = whole('block', values.block, -1);
const cases = whole('cases', values.cases, 0);
const minutes = Number(values.minutes);
if (!(minutes > 0)) end(`--minutes is a number above 0, not ${values.minutes}\n`, 2);
const seconds = whole('seconds', values.seconds, Math.round(minutes * 60));

const print = (line: string) => process.stdout.write(`${line}\n`);
print(`seed ${seed}`);
let found = 0;
for (const target of wanted) {
  let told = 0;
  const onProgress = (progress: Progress) => {
    if (progress.seconds - told < 30) return;
    told = progress.seconds;
    print(
      `  ${target}: ${progress.cases} cases in ${told.toFixed(0)} s, ${rate(progress.cases, told)}/s, RSS ${(progress.rss / 2 ** 20).toFixed(0)} MB`,
    );
  };
  const from = Math.max(0, block);
  const run = await watchTarget({ target, seed, from, seconds, cases, blocks: block >= 0 ? 1 : 0, onProgress });
  print(`${run.find === undefined ? 'ok    ' : 'FIND  '} ${target}: ${summary(run)}`);
  if (run.find === undefined) continue;
  found += 1;
  print(`\n${run.find.error}\n\n${run.find.counterexample}\n`);
  print(`again: npm run fuzz -- ${target} --seed ${seed} --block ${run.find.block}\n`);
}
process.exit(found > 0 ? 1 : 0);

function rate(cases: number, seconds: number): string {
  return (cases / Math.max(seconds, 0.001)).toFixed(0);
}

function summary({ cases, seconds: passed, slope, rss }: Watched): string {
  const memory = `RSS ${rss.first.toFixed(0)} to ${rss.last.toFixed(0)} MB, at most ${rss.most.toFixed(0)}`;
  const steep =
    slope === undefined ? '' : `, slope ${slope.rss.toFixed(2)} MB/min (held by JavaScript ${slope.held.toFixed(2)})`;
  return `${cases} cases in ${passed.toFixed(0)} s, ${rate(cases, passed)}/s; ${memory}${steep}`;
}
