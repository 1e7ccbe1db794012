/** Before a log that waits goes on: what its witnesses have signed must not be past it (P35). */
import { PosternError } from '#shared/base/errors.ts';
import type { LogAnchors } from './log-anchors.ts';
import { WitnessAhead, WitnessRefuses } from './witness-anchor.ts';

/**
 * Returns how many found that the log goes on. Those that do not answer are waited for, unless the owner has a checkpoint to go on from.
 * Throws `log-held`.
 */
export async function requireWitnesses(
  anchors: Pick<LogAnchors, 'askWitnesses'>,
  hasCheckpoint: boolean,
): Promise<number> {
  let proven = 0;
  for (const { name, error } of await anchors.askWitnesses()) {
    if (error === undefined) {
      proven += 1;
      continue;
    }
    const contradicts = error instanceof WitnessAhead || error instanceof WitnessRefuses;
    if (!contradicts && hasCheckpoint) continue;
    const todo = contradicts
      ? 'some of the log is lost. Open another: posternctl log new'
      : 'wait for it, or give the newest checkpoint that anybody has';
    throw new PosternError('log-held', undefined, { tell: `The witness ${name}: ${error.message}; ${todo}.` });
  }
  return proven;
}
