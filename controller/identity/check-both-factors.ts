/** Password and code at once, for the admin socket: the same work and the same answer for strangers (P12). */
import { PosternError } from '#shared/base/errors.ts';
import { appendRecord } from '../log/append-record.ts';
import { checkPasswordOf, checkRecoveryCodeOf, checkTotpOf, type FactorVerdict } from './check-factor.ts';
import type { IdentityParts, Origin } from './identity-parts.ts';
import { chargeAttempt, forgiveAttempt, personRule } from './throttle.ts';

export interface BothFactors {
  readonly person: string;
  readonly password: string;
  /** One-time code of the authenticator app, or a recovery code. */
  readonly code: string;
  readonly origin: Origin;
}

/**
 * Returns the person; throws `sign-in-throttled`, or `sign-in-refused` for every other reason. Order: throttle, password,
 * code, state. A refusal leaves a record; the record of success is the caller's.
 */
export async function checkBothFactors(
  parts: IdentityParts,
  { person: id, password, code, origin }: BothFactors,
): Promise<{ readonly id: string; readonly name: string; readonly role: string }> {
  const { store, clock } = parts;
  const key = `admin:${id}/${origin.from}`.slice(0, 200);
  const charge = await store.db.transaction().execute((trx) => chargeAttempt(trx, clock.now(), key, personRule));
  if (!charge.ok) {
    const { retryAfterMs } = charge;
    throw new PosternError('sign-in-throttled', `too many attempts for ${id}`, { extra: { retryAfterMs } });
  }
  const verdict = await judge(parts, id, password, code);
  const person = await store.db
    .selectFrom('people')
    .select(['id', 'name', 'role'])
    .where('id', '=', id)
    .where('state', '=', 'active')
    .executeTakeFirst();
  if (!verdict.ok || person === undefined) {
    const reason = verdict.ok ? 'person-not-active' : verdict.reason;
    // Only a known person's name goes into the record: what else is typed there may well be a password.
    const who = person === undefined ? {} : { person: id };
    await appendRecord(store.db, clock.now(), {
      kind: 'sign-in',
      verdict: 'deny',
      reasons: [reason],
      ...who,
      ...origin,
    });
    throw new PosternError('sign-in-refused', `an admin sign-in was refused: ${reason}`);
  }
  await store.db.transaction().execute((trx) => forgiveAttempt(trx, key, { clear: true }));
  return person;
}

async function judge(parts: IdentityParts, id: string, password: string, code: string): Promise<FactorVerdict> {
  const first = await checkPasswordOf(parts, id, password);
  if (!first.ok) return first;
  const isTotp = /^[\d\s-]{6,16}$/.test(code);
  return isTotp ? checkTotpOf(parts, id, code) : checkRecoveryCodeOf(parts, id, code);
}
