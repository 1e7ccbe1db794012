/**
 * Judging one answer against a person's factors. Each failure counts against the authenticator itself; the hundredth in a
 * row disables that one and no other (NIST SP 800-63B-4 section 3.2.2). What is accepted once is spent by compare-and-set
 * in the database (P18).
 */
import type { DenyReason } from '#shared/contracts/reasons.ts';
import { dummyVerify, verifyPassword } from '#shared/crypto/password-hash.ts';
import { hashRecoveryCode } from '#shared/crypto/recovery-codes.ts';
import { verifyTotp } from '#shared/crypto/totp.ts';
import { appendRecord } from '../log/append-record.ts';
import type { Trx } from '../store/open-store.ts';
import type { IdentityParts } from './identity-parts.ts';

export type FactorVerdict = { readonly ok: true } | { readonly ok: false; readonly reason: DenyReason };

const mostFailures = 100;
const right: FactorVerdict = { ok: true };
const wrong = (reason: DenyReason): FactorVerdict => ({ ok: false, reason });

export const factorPlace = (id: string) => ({ table: 'factors', row: id, column: 'sealed' });

/** Takes as long for a person without a password, and for nobody, as for a wrong one (P12). */
export async function checkPasswordOf(parts: IdentityParts, person: string, password: string): Promise<FactorVerdict> {
  const { store, sealer, clock } = parts;
  // Charged before it is verified: attempts at one instant must not all see the same count.
  const factor = await store.db.transaction().execute(async (trx) => {
    const row = await trx
      .selectFrom('factors')
      .select(['id', 'sealed'])
      .where('person_id', '=', person)
      .where('kind', '=', 'password')
      .where('state', '=', 'active')
      .executeTakeFirst();
    return row !== undefined && (await chargeFactor(trx, row.id)) ? row : undefined;
  });
  if (factor === undefined) {
    await dummyVerify(password);
    return wrong('no-factor');
  }
  const stored = sealer.openText(factor.sealed, factorPlace(factor.id));
  if (!(await verifyPassword(password, stored))) {
    await store.db.transaction().execute((trx) => disableSpent(trx, clock.now(), person));
    return wrong('wrong-password');
  }
  await store.db
    .updateTable('factors')
    .set({ failures: 0 })
    .where('id', '=', factor.id)
    .where('state', '=', 'active')
    .execute();
  return right;
}

/** Of two connections with one code at one instant, one is accepted: each time step counts once (RFC 6238 section 5.2). */
export async function checkTotpOf(parts: IdentityParts, person: string, code: string): Promise<FactorVerdict> {
  const { store, sealer, clock } = parts;
  const nowMs = clock.now();
  return store.db.transaction().execute(async (trx) => {
    const rows = await trx
      .selectFrom('factors')
      .selectAll()
      .where('person_id', '=', person)
      .where('kind', '=', 'totp')
      .where('state', '=', 'active')
      .execute();
    for (const row of rows) {
      const secret = sealer.openText(row.sealed, factorPlace(row.id));
      const verdict = verifyTotp({ secret, code, nowMs });
      if (!verdict.ok) continue;
      const used = await trx
        .updateTable('factors')
        .set({ last_step: verdict.step, failures: 0 })
        .where('id', '=', row.id)
        .where('last_step', '<', verdict.step)
        .executeTakeFirst();
      if (used.numUpdatedRows !== 1n) return wrong('code-used');
      const others = rows.map(({ id }) => id);
      await trx.updateTable('factors').set({ failures: 0 }).where('id', 'in', others).execute();
      return right;
    }
    for (const { id } of rows) await chargeFactor(trx, id);
    await disableSpent(trx, nowMs, person);
    return wrong(rows.length === 0 ? 'no-factor' : 'wrong-code');
  });
}

/** 80 random bits: no count of failures is needed, and each is good once. */
export async function checkRecoveryCodeOf(parts: IdentityParts, person: string, code: string): Promise<FactorVerdict> {
  const hash = hashRecoveryCode(code);
  if (hash === undefined) return wrong('wrong-code');
  const { store, clock } = parts;
  const used = await store.db
    .updateTable('recovery_codes')
    .set({ used_at: clock.now() })
    .where('person_id', '=', person)
    .where('hash', '=', hash)
    .where('used_at', 'is', null)
    .executeTakeFirst();
  if (used.numUpdatedRows === 1n) return right;
  const known = await store.db
    .selectFrom('recovery_codes')
    .select('id')
    .where('person_id', '=', person)
    .where('hash', '=', hash)
    .executeTakeFirst();
  return wrong(known === undefined ? 'wrong-code' : 'code-used');
}

/** Whether the authenticator may still be tried. */
async function chargeFactor(trx: Trx, id: string): Promise<boolean> {
  const result = await trx
    .updateTable('factors')
    .set((eb) => ({ failures: eb('failures', '+', 1) }))
    .where('id', '=', id)
    .where('state', '=', 'active')
    .where('failures', '<', mostFailures)
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

async function disableSpent(trx: Trx, at: number, person: string): Promise<void> {
  const spent = await trx
    .updateTable('factors')
    .set({ state: 'disabled' })
    .where('person_id', '=', person)
    .where('state', '=', 'active')
    .where('failures', '>=', mostFailures)
    .returning('id')
    .execute();
  for (const { id } of spent) {
    const details = { factor: id, because: `${mostFailures} failures in a row` };
    await appendRecord(trx, at, { kind: 'factor', event: 'disabled', person, details });
  }
}
