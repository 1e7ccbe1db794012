/** What to do after a refusal: one table, pure. Everything not named here is told to the client as it is. */
import type { ErrorCode, PosternError } from '#shared/base/errors.ts';

export type NextStep =
  | { readonly do: 'throw' }
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
/** It only has to learn something first (P20, P19). */
const soonKnown: ReadonlySet<ErrorCode> = new Set(['grant-key-unknown', 'grant-early']);
const soonMs = 300;
const maxWaitMs = 30_000;
const maxRenewals = 1;
const maxRepetitions = 3;

export function nextStep(error: PosternError, attempt: Attempt): NextStep {
  const { by, canRepeat, canHold, renewals, repetitions } = attempt;
  if (!canRepeat) return { do: 'throw' };
  if (error.next === 'step-up' || error.next === 'fix-device') {
    return canHold ? { do: 'hold', kind: error.next } : { do: 'throw' };
  }
  if (by === 'controller') return { do: 'throw' };
  if (gatewayTrouble.has(error.code)) return { do: 'other-gateway' };
  if (soonKnown.has(error.code) && repetitions < maxRepetitions) return { do: 'again', waitMs: waitOf(error, soonMs) };
  if (error.next === 'renew' && renewals < maxRenewals) return { do: 'renew', waitMs: waitOf(error, 0) };
  return { do: 'throw' };
}

/** What the peer asked for, within reason. */
export function waitOf({ extra }: PosternError, otherwise: number): number {
  const asked = extra?.['retryAfterMs'];
  return typeof asked === 'number' && asked >= 0 ? Math.min(asked, maxWaitMs) : otherwise;
}
