/** Generated cases for both engines, counted. */
import fc from 'fast-check';
import { compareEngines } from './both-engines.ts';
import { arbitraryChoices } from './choices.ts';
import { generateCase } from './generate-case.ts';

export interface Tally {
  /** Asks that both engines answered alike. */
  asks: number;
  /** By decision, and whether policies determined it and policies erred. */
  readonly outcomes: Map<string, number>;
}

export function emptyTally(): Tally {
  return { asks: 0, outcomes: new Map() };
}

/** Policy sets are made until there were `asks` asks or more. Returns the shrunk counterexample when the engines differ. */
export function runDifferential(asks: number, seed: number, tally: Tally = emptyTally()): string | undefined {
  const end = tally.asks + asks;
  for (let round = 0; tally.asks < end; round++) {
    let failed = false;
    const property = fc.property(arbitraryChoices(), (choices) => {
      // Nothing is counted while a counterexample is shrunk.
      const outcomes = check(() => compareEngines(generateCase(choices)));
      if (!failed) for (const outcome of outcomes) count(outcome);
    });
    const check = <T>(compare: () => T): T => {
      try {
        return compare();
      } catch (error) {
        failed = true;
        throw error;
      }
    };
    const count = ({ decision, determining, errors }: ReturnType<typeof compareEngines>[number]) => {
      const kind = `${decision}${determining.length > 0 ? ', determined' : ''}${errors.length > 0 ? ', with errors' : ''}`;
      tally.outcomes.set(kind, (tally.outcomes.get(kind) ?? 0) + 1);
      tally.asks += 1;
    };
    const details = fc.check(property, { numRuns: 200, seed: seed + round });
    if (details.failed) {
      const error =
        details.errorInstance instanceof Error ? details.errorInstance.message : String(details.errorInstance);
      return `seed ${seed + round}, shrunk ${details.numShrinks} times\n${error}`;
    }
  }
  return undefined;
}
