/**
 * Signing in as an administrator: password and second factor in one call, through the same judgement of factors and the
 * same throttle as on a device. Order: throttle, person in service, password, second factor, role.
 */
import { randomSecret, sha256 } from '#shared/base/bytes.ts';
import { hour } from '#shared/base/clock.ts';
import { PosternError } from '#shared/base/errors.ts';
import type { adminIdentity } from '#shared/contracts/admin-identity.ts';
import type { Role } from '#shared/contracts/admin-objects.ts';
import type { DenyReason } from '#shared/contracts/reasons.ts';
import type { AnswerOf, BodyOf } from '#shared/contracts/route.ts';
import { checkPasswordOf, checkRecoveryCodeOf, checkTotpOf } from '../identity/check-factor.ts';
import type { IdentityParts } from '../identity/identity-parts.ts';
import { addressRule, chargeAttempt, forgiveAttempt, personRule } from '../identity/throttle.ts';
import { appendRecord } from '../log/append-record.ts';

type SignIn = (typeof adminIdentity)['adminSignIn'];

const adminSessionMs = hour;
const place = 'admin-socket';
const sixDigits = /^[\d\s-]{6,11}$/;

const keysOf = (person: string) =>
  [
    [`sign-in:${person}/${place}`, personRule],
    [`address:${place}`, addressRule],
  ] as const;

/** Throws `sign-in-throttled`, `sign-in-refused` (the same for everything that was not right) or `role-needed`. */
export async function adminSignIn(
  parts: IdentityParts,
  body: BodyOf<SignIn>,
  trace: string,
): Promise<AnswerOf<SignIn>> {
  const { store, clock } = parts;
  const person = await store.db.selectFrom('people').selectAll().where('id', '=', body.person).executeTakeFirst();
  const refuse: Refuse = async (reason, code = 'sign-in-refused', extra = {}) => {
    const known = person === undefined ? {} : { person: person.id };
    const verdict = { verdict: 'deny' as const, reasons: [reason] };
    await appendRecord(store.db, clock.now(), { kind: 'sign-in', event: 'admin-sign-in', trace, ...known, ...verdict });
    return new PosternError(code, `admin sign-in of ${body.person}: ${reason}`, { extra });
  };
  await charge(parts, body.person, refuse);
  // Checked for nobody too: it takes as long, and the answer is the same (P12).
  const password = await checkPasswordOf(parts, body.person, body.password);
  if (person?.state !== 'active') throw await refuse('person-not-active');
  if (!password.ok) throw await refuse(password.reason);
  const check = sixDigits.test(body.code) ? checkTotpOf : checkRecoveryCodeOf;
  const second = await check(parts, person.id, body.code);
  if (!second.ok) throw await refuse(second.reason);
  const role = person.role as Role;
  if (role === 'employee') throw await refuse('wrong-role', 'role-needed');

  const token = randomSecret(32);
  const at = clock.now();
  await store.db.transaction().execute(async (trx) => {
    for (const [key, rule] of keysOf(person.id)) await forgiveAttempt(trx, key, { clear: rule === personRule });
    const row = { person_id: person.id, created_at: at, ends_at: at + adminSessionMs };
    await trx
      .insertInto('admin_sessions')
      .values({ token_hash: sha256(token).toString('hex'), ...row })
      .execute();
    await trx.updateTable('people').set({ last_sign_in_at: at }).where('id', '=', person.id).execute();
    const what = { kind: 'sign-in', event: 'admin-sign-in', verdict: 'allow', details: { role } } as const;
    await appendRecord(trx, at, { ...what, trace, person: person.id });
  });
  return { token, person: person.id, role, expiresInMs: adminSessionMs };
}

type Refuse = (
  reason: DenyReason,
  code?: 'sign-in-refused' | 'sign-in-throttled' | 'role-needed',
  extra?: Readonly<Record<string, unknown>>,
) => Promise<PosternError>;

async function charge({ store, clock }: IdentityParts, person: string, refuse: Refuse): Promise<void> {
  const waitMs = await store.db.transaction().execute(async (trx) => {
    for (const [key, rule] of keysOf(person)) {
      const charged = await chargeAttempt(trx, clock.now(), key, rule);
      if (!charged.ok) return charged.retryAfterMs;
    }
    return 0;
  });
  if (waitMs === 0) return;
  throw await refuse('throttled', 'sign-in-throttled', { retryAfterMs: waitMs });
}
