/** A short run of every fuzz target with one seed; `npm run fuzz` is the long one. */
import t from 'tap';
import { runBlocks } from './run-blocks.ts';
import { type FuzzTarget, must } from './target.ts';
import { targets } from './targets.ts';

const seed = 20_261_125;

for (const target of targets) {
  t.test(`${target.name}: ${target.about}`, async (t) => {
    // Two small blocks: enough to open, judge, settle and close everything once.
    const short: FuzzTarget = { ...target, block: Math.ceil(target.block / 4) };
    const { find, cases } = await runBlocks(short, { seed, from: 0, until: ({ block }) => block >= 1 });
    t.equal(find, undefined, 'nothing is found');
    t.ok(cases >= 2 * short.block - 1, `${cases} cases`);
  });
}

t.test('a find is told with its seed, its block and its smallest case', async (t) => {
  const fc = (await import('fast-check')).default;
  const broken: FuzzTarget = {
    name: 'broken',
    about: 'refuses what is above 41',
    block: 200,
    open: async () =>
      ({ cases: fc.nat(1000), judge: (n: number) => must(n < 42, 'the answer') }) as unknown as ReturnType<
        FuzzTarget['open']
      >,
  };
  const { find } = await runBlocks(broken, { seed, from: 0, until: ({ block }) => block >= 3 });
  t.match(find, { target: 'broken', seed, counterexample: '42', error: /the answer/ });
  const again = await runBlocks(broken, { seed, from: find!.block, until: () => true });
  t.same({ ...again.find, error: '' }, { ...find, error: '' }, 'and found again from there');
});
