/** Tables of questions to the whole row of gates, and the code that each is answered with. */
import type { Test } from 'tap';
import type { GrantClaims } from '#shared/contracts/grant.ts';
import type { Ask } from '../../gateway/gates/ask.ts';
import { passGates } from '../../gateway/gates/index.ts';
import type { WireState } from '../../gateway/state/stream-types.ts';
import { grantText, makeAsk, makeState, now } from './gate-ask.ts';

export type GateRow = [
  what: string,
  code: string | undefined,
  ask: Partial<Ask>,
  state?: Partial<WireState>,
  at?: number,
];

export function judge(rows: readonly GateRow[]) {
  return async (t: Test) => {
    for (const [what, code, ask, state, at] of rows)
      t.equal(passGates(makeAsk(ask), makeState(state), at ?? now)?.code, code, what);
  };
}

export const granted = (changes: Partial<GrantClaims>): Partial<Ask> => ({ grant: grantText(changes) });
