/** What people do with their own factors from a signed-in device. Every change needs a fresh second factor and is recorded. */

import { minute, second } from '#shared/base/clock.ts';
import { PosternError } from '#shared/base/errors.ts';
import type { RecordEvent } from '#shared/contracts/record-events.ts';
import { hashPassword } from '#shared/crypto/password-hash.ts';
import { newTotpSecret, totpUri, verifyTotp } from '#shared/crypto/totp.ts';
import { appendRecord } from '../log/append-record.ts';
import type { Db, Trx } from '../store/open-store.ts';
import { readSettings } from '../store/settings.ts';
import { checkPasswordOf, factorPlace } from './check-factor.ts';
import type { IdentityParts, Origin } from './identity-parts.ts';
import { checkPassword } from './password-rules.ts';
import { endSessions, type Session } from './sessions.ts';
import { insertFactor, recordFactor, replaceRecoveryCodes } from './set-factors.ts';
import { throttleKeys } from './sign-in-steps.ts';
import { chargeAttempt, forgiveAttempt } from './throttle.ts';

/** The session of the call, and where it came from. */
export interface Me {
  readonly session: Session;
  readonly origin: Origin;
}

/** A thief of an open session must not be able to make it their own for good. */
const freshFactorMs = 15 * minute;
/** The id under which recovery codes are listed. */
const recoveryFactorId = 'recovery-codes';
const mostTotp = 5;

export async function listFactors(db: Db, person: string) {
  const rows = await db
    .selectFrom('factors')
    .select(['id', 'kind', 'name', 'created_at'])
    .where('person_id', '=', person)
    .where('state', '!=', 'pending')
    .orderBy('created_at')
    .orderBy('kind')
    .execute();
  const codes = await db.selectFrom('recovery_codes').select('used_at').where('person_id', '=', person).execute();
  const left = codes.filter((row) => row.used_at === null).length;
  const factors = rows.map((row) => ({
    id: row.id,
    kind: row.kind as 'password' | 'totp',
    name: row.name,
    createdAt: row.created_at,
  }));
  if (codes.length === 0) return factors;
  const createdAt = factors[0]?.createdAt ?? 0;
  return [
    ...factors,
    { id: recoveryFactorId, kind: 'recovery-codes' as const, name: 'Recovery codes', createdAt, left },
  ];
}

/** Throws `step-up-required` unless the second factor was confirmed in the last 15 minutes. */
function requireFreshFactor({ session }: Me, now: number): void {
  const { secondFactorAt } = session;
  if (secondFactorAt !== undefined && now - secondFactorAt <= freshFactorMs) return;
  throw new PosternError('step-up-required', 'a change of factors needs a fresh second factor', {
    extra: { max_age: freshFactorMs / second },
  });
}

/** Other sessions end: whoever knew the old password loses what it gave. Order: freshness, throttle, current, rules. */
export async function changePassword(
  parts: IdentityParts,
  me: Me,
  { current, next }: { readonly current: string; readonly next: string },
): Promise<void> {
  const { store, clock, sealer } = parts;
  const { person: id, device } = me.session;
  requireFreshFactor(me, clock.now());
  const [[key, rule]] = throttleKeys(id, device, me.origin.from);
  const charge = await store.db.transaction().execute((trx) => chargeAttempt(trx, clock.now(), key, rule));
  if (!charge.ok) {
    const { retryAfterMs } = charge;
    throw new PosternError('sign-in-throttled', `too many attempts for ${id}`, { extra: { retryAfterMs } });
  }
  const verdict = await checkPasswordOf(parts, id, current);
  if (!verdict.ok) {
    // Somebody with an open session guesses at the password behind it.
    const { reason } = verdict;
    await appendRecord(store.db, clock.now(), {
      kind: 'factor',
      verdict: 'deny',
      reasons: [reason],
      person: id,
      device,
      session: me.session.id,
      ...me.origin,
      event: 'password-change-refused',
    });
    throw new PosternError('sign-in-refused', `a change of password was refused: ${reason}`);
  }
  const { organisation } = await readSettings(store.db);
  const person = await store.db.selectFrom('people').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
  checkPassword(next, { organisation, person });
  const hash = await hashPassword(next);
  const at = clock.now();
  await store.db.transaction().execute(async (trx) => {
    await forgiveAttempt(trx, key, { clear: true });
    const row = await trx
      .selectFrom('factors')
      .select('id')
      .where('person_id', '=', id)
      .where('kind', '=', 'password')
      .executeTakeFirst();
    if (row === undefined) throw new PosternError('conflict', 'the password was reset meanwhile');
    await trx
      .updateTable('factors')
      .set({ sealed: sealer.sealText(hash, factorPlace(row.id)), failures: 0, created_at: at })
      .where('id', '=', row.id)
      .execute();
    await endSessions(trx, at, {
      which: { person: id },
      except: me.session.id,
      because: 'password-changed',
      reason: 'session-ended',
      origin: me.origin,
    });
    await record(trx, at, me, 'password-changed');
  });
}

/** A pending authenticator app; a further call replaces one that was never confirmed. The secret is given once. */
export async function addTotp(parts: IdentityParts, me: Me): Promise<{ id: string; secret: string; uri: string }> {
  const { store, clock, sealer } = parts;
  const { person } = me.session;
  const at = clock.now();
  requireFreshFactor(me, at);
  const { organisation } = await readSettings(store.db);
  const secret = newTotpSecret();
  const id = await store.db.transaction().execute(async (trx) => {
    const mine = trx.selectFrom('factors').where('person_id', '=', person).where('kind', '=', 'totp');
    const active = await mine.select('id').where('state', '!=', 'pending').execute();
    if (active.length >= mostTotp) {
      throw new PosternError('conflict', `${person} has ${mostTotp} authenticator apps`, { tell: 'Remove one first.' });
    }
    await trx.deleteFrom('factors').where('person_id', '=', person).where('state', '=', 'pending').execute();
    const name = active.length === 0 ? 'Authenticator app' : `Authenticator app ${active.length + 1}`;
    return insertFactor(trx, at, { person, kind: 'totp', name, value: secret, sealer, state: 'pending' });
  });
  return { id, secret, uri: totpUri({ secret, account: person, issuer: organisation }) };
}

/** Throws `not-found` for anything but a pending app of one's own, `sign-in-refused` for a wrong code. */
export async function confirmTotp(
  parts: IdentityParts,
  me: Me,
  { id, code }: { id: string; code: string },
): Promise<void> {
  const { store, clock, sealer } = parts;
  const at = clock.now();
  requireFreshFactor(me, at);
  await store.db.transaction().execute(async (trx) => {
    const row = await trx
      .selectFrom('factors')
      .select(['id', 'sealed'])
      .where('id', '=', id)
      .where('person_id', '=', me.session.person)
      .where('state', '=', 'pending')
      .executeTakeFirst();
    if (row === undefined) throw new PosternError('not-found', 'no such pending factor');
    const secret = sealer.openText(row.sealed, factorPlace(row.id));
    const verdict = verifyTotp({ secret, code, nowMs: at });
    if (!verdict.ok) throw new PosternError('sign-in-refused', 'the first code of a new authenticator app is wrong');
    await trx.updateTable('factors').set({ state: 'active', last_step: verdict.step }).where('id', '=', id).execute();
    await record(trx, at, me, 'totp-added', { factor: id });
  });
}

/** Only authenticator apps can be removed, and never the last that works (disabled ones do not count). */
export async function removeFactor({ store, clock }: IdentityParts, me: Me, id: string): Promise<void> {
  const at = clock.now();
  requireFreshFactor(me, at);
  const { person } = me.session;
  await store.db.transaction().execute(async (trx) => {
    const rows = await trx
      .selectFrom('factors')
      .select(['id', 'kind', 'state'])
      .where('person_id', '=', person)
      .where('state', '!=', 'pending')
      .execute();
    const target = rows.find((row) => row.id === id);
    if (target === undefined) throw new PosternError('not-found', 'no such factor');
    const others = rows.filter((row) => row.kind === 'totp' && row.state === 'active' && row.id !== id);
    if (target.kind !== 'totp' || others.length === 0) {
      throw new PosternError('conflict', 'a factor that is needed cannot be removed', {
        tell: 'This factor is needed to sign in: add another first.',
      });
    }
    await trx.deleteFrom('factors').where('id', '=', id).execute();
    await record(trx, at, me, 'factor-removed', { factor: id });
  });
}

export async function renewRecoveryCodes({ store, clock }: IdentityParts, me: Me): Promise<string[]> {
  const at = clock.now();
  requireFreshFactor(me, at);
  return store.db.transaction().execute(async (trx) => {
    await record(trx, at, me, 'recovery-codes-renewed');
    return replaceRecoveryCodes(trx, me.session.person);
  });
}

function record(
  trx: Trx,
  at: number,
  { session, origin }: Me,
  event: RecordEvent<'factor'>,
  details?: Readonly<Record<string, string>>,
): Promise<void> {
  const who = { person: { id: session.person }, device: { id: session.device }, origin };
  return recordFactor(trx, at, who, event, details);
}
