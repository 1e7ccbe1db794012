/**
 * Growing delays against guessing (NIST SP 800-63B-4 section 3.2.2). An attempt is charged before it is judged and
 * forgiven when it was right, so that a thousand attempts at one instant count as a thousand.
 */
import { day, hour, second } from '#shared/base/clock.ts';
import type { Trx } from '../store/open-store.ts';

export interface ThrottleRule {
  /** Failures without any delay. */
  readonly free: number;
  /** Milliseconds: the first delay, doubled by each further failure. */
  readonly base: number;
  readonly most: number;
}

/** One person from one device. Another device of the same person has a count of its own: nobody is locked out by others. */
export const personRule: ThrottleRule = { free: 4, base: second, most: hour };
/** One network address. Offices share one, so it only slows a flood down. */
export const addressRule: ThrottleRule = { free: 50, base: second, most: 30 * second };
/** Strangers at the bootstrap server: codes have 128 bits, so this spares the log and the processor. */
export const strangerRule: ThrottleRule = { free: 20, base: second, most: 5 * 60 * second };

const forgotten = day;

export type Charge = { readonly ok: true } | { readonly ok: false; readonly retryAfterMs: number };

/** Milliseconds until the next attempt is taken; 0 when one is taken now. */
export async function blockedFor(trx: Trx, at: number, key: string): Promise<number> {
  const row = await trx.selectFrom('throttle').select('blocked_until').where('key', '=', key).executeTakeFirst();
  return Math.max(0, (row?.blocked_until ?? 0) - at);
}

export async function chargeAttempt(trx: Trx, at: number, key: string, rule: ThrottleRule): Promise<Charge> {
  const row = await trx.selectFrom('throttle').selectAll().where('key', '=', key).executeTakeFirst();
  if (row !== undefined && row.blocked_until > at) return { ok: false, retryAfterMs: row.blocked_until - at };
  const failures = (row === undefined || row.last_at < at - forgotten ? 0 : row.failures) + 1;
  const beyond = failures - rule.free;
  // The exponent is bounded before it is used: 2^40 delays mean the longest one anyway.
  const delay = beyond <= 0 ? 0 : Math.min(rule.base * 2 ** Math.min(beyond - 1, 40), rule.most);
  const values = { failures, blocked_until: delay === 0 ? 0 : at + delay, last_at: at };
  await trx
    .insertInto('throttle')
    .values({ key, ...values })
    .onConflict((conflict) => conflict.column('key').doUpdateSet(values))
    .execute();
  return { ok: true };
}

/** `clear` wipes the count (a person who proved themselves); otherwise only this attempt is taken off a shared count. */
export async function forgiveAttempt(trx: Trx, key: string, { clear }: { clear: boolean }): Promise<void> {
  if (clear) {
    await trx.deleteFrom('throttle').where('key', '=', key).execute();
    return;
  }
  await trx
    .updateTable('throttle')
    .set((eb) => ({ failures: eb('failures', '-', 1), blocked_until: 0 }))
    .where('key', '=', key)
    .where('failures', '>', 0)
    .execute();
}
