/** Our Cedar engine held to the official one. The long run is `npm run fuzz:cedar`. */
import fc from 'fast-check';
import t from 'tap';
import { PosternError } from '#shared/base/errors.ts';
import type { Ask } from '#shared/cedar/ask.ts';
import { readAsk } from './support/both-engines.ts';
import { arbitraryChoices } from './support/choices.ts';
import { countReached, type Reached } from './support/count-reached.ts';
import { everyOutcome } from './support/every-outcome.ts';
import { type AskJson, generateCase } from './support/generate-case.ts';
import { emptyTally, runDifferential } from './support/run-differential.ts';

t.test('decision, determining policies and erring policies are those of the official engine', async (t) => {
  const seed = Date.now() % 0x7fffffff;
  const tally = emptyTally();
  t.equal(runDifferential(4000, seed, tally), undefined);
  t.comment(`seed ${seed}: ${JSON.stringify(Object.fromEntries(tally.outcomes))}`);
});

t.test('the generators reach every operator and every way in which it ends', async (t) => {
  const reached: Reached = new Map();
  // The same cases each time: what is asserted is what the generators can do, not what luck brings.
  for (const choices of fc.sample(arbitraryChoices(), { numRuns: 4000, seed: 1 })) {
    const { policies, asks } = generateCase(choices);
    const ask = tryRead(asks[0]!);
    if (ask === undefined) continue;
    for (const { conditions } of Object.values(policies))
      for (const { body } of conditions) countReached(body, ask, reached);
  }
  t.same(
    everyOutcome.filter((outcome) => !reached.has(outcome)),
    [],
  );
});

function tryRead(ask: AskJson): Ask | undefined {
  try {
    return readAsk(ask);
  } catch (error) {
    if (error instanceof PosternError) return undefined;
    throw error;
  }
}
