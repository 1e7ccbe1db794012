/** What to do after a refusal: one table, pure. Everything not named here is told to the client as it is. */
import type { ErrorCode, PosternError } from '#shared/base/errors.ts';

export type NextStep =
  | { readonly do: 'throw' }
  /** A gateway's rules refuse this request: the controller says why, or gives a grant that serves it, as one for one use. */
  | { readonly do: 'ask' }
  /** Another grant, after the pause. */
  | { readonly do: 'renew'; readonly waitMs: number }
  /** The same again, after the pause. */
  | { readonly do: 'again'; readonly waitMs: number }
  | { readonly do: 'other-gateway' }
  /** Wait for the person. */
  | { readonly do: 'hold'; readonly kind: 'step-up' | 'fix-device' };

export interface Attempt {
  readonly by: 'controller' | 'gateway';
  /** The request can be sent once more. */
  readonly canRepeat: boolean;
  readonly canHold: boolean;
  /** How often the controller was asked about a refusal by rules. */
  readonly asks: number;
  readonly renewals: number;
  readonly repetitions: number;
}

/** The gateway's own trouble, which another may not have. */
const gatewayTrouble: ReadonlySet<ErrorCode> = new Set([
  'unreachable',
  'peer-refused',
  'gateway-stale',
  'record-failed',
]);
/** It only has to learn something first: a key (P20), or that time goes on (P19). How often the same is asked again. */
const soonKnown: Partial<Record<ErrorCode, number>> = { 'grant-key-unknown': 1, 'grant-early': 3 };
const soonMs = 300;
const maxWaitMs = 30_000;
const maxRenewals = 1;
const maxAsks = 1;

export function nextStep(error: PosternError, attempt: Attempt): NextStep {
  const { by, canRepeat, canHold, asks, renewals, repetitions } = attempt;
  // Also for one that cannot be sent again: whoever sent it reads why. When the two disagree, the gateway has the last word.
  const isByRules = error.code === 'rules-refused' || error.code === 'once-needed';
  if (by === 'gateway' && isByRules) return asks < maxAsks ? { do: 'ask' } : { do: 'throw' };
  if (!canRepeat) return { do: 'throw' };
  if (error.next === 'step-up' || error.next === 'fix-device') {
    return canHold ? { do: 'hold', kind: error.next } : { do: 'throw' };
  }
  if (by === 'controller') return { do: 'throw' };
  // It may have joined again with another key since the grant named it: a new grant tells, once.
  if (error.code === 'peer-refused' && renewals < maxRenewals) return { do: 'renew', waitMs: 0 };
  if (gatewayTrouble.has(error.code)) return { do: 'other-gateway' };
  if (repetitions < (soonKnown[error.code] ?? 0)) return { do: 'again', waitMs: waitOf(error, soonMs) };
  // It still does not know the key, as after a withdrawal that it heard of before it ever met a grant: another grant may do.
  const wantsAnother = error.next === 'renew' || error.code === 'grant-key-unknown';
  if (wantsAnother && renewals < maxRenewals) return { do: 'renew', waitMs: waitOf(error, 0) };
  return { do: 'throw' };
}

/** What the peer asked for, within reason. */
export function waitOf({ extra }: PosternError, otherwise: number): number {
  const asked = extra?.['retryAfterMs'];
  return typeof asked === 'number' && asked >= 0 ? Math.min(asked, maxWaitMs) : otherwise;
}
