/** Writing factors: the first ones of a life, those after a reset, and recovery codes. */

import { randomId } from '#shared/base/bytes.ts';
import { PosternError } from '#shared/base/errors.ts';
import type { RecordEvent } from '#shared/contracts/record-events.ts';
import { hashRecoveryCode, makeRecoveryCodes } from '#shared/crypto/recovery-codes.ts';
import type { Sealer } from '#shared/crypto/seal.ts';
import { appendRecord } from '../log/append-record.ts';
import type { Trx } from '../store/open-store.ts';
import type { Tables } from '../store/tables.ts';
import { factorPlace } from './check-factor.ts';
import type { Origin } from './identity-parts.ts';
import { createInvitation, voidInvitations } from './invitations.ts';
import { endSessions } from './sessions.ts';
import { flowPlace } from './sign-in-flow.ts';

export interface SetFactors {
  readonly person: Pick<Tables['people'], 'id'>;
  readonly device: Pick<Tables['devices'], 'id'>;
  readonly flow: Tables['sign_in_flows'];
  readonly sealer: Sealer;
  readonly origin: Origin;
  /** Time step of the confirming code: it is spent. */
  readonly step?: number | undefined;
}

/**
 * Password and authenticator app of a flow become the person's factors. Once in a life (`first`), or when a reset has left
 * none (`reset`); of two flows at once one succeeds, the other gets `sign-in-flow`. Returns the recovery codes.
 */
export async function setFactors(trx: Trx, at: number, order: SetFactors): Promise<string[]> {
  const { person, flow, sealer } = order;
  const { sealed_password, sealed_totp, sets } = flow;
  if (sealed_password === null || sealed_totp === null) throw lost('a factor is missing');
  if (sets === 'first') {
    const first = await trx
      .updateTable('people')
      .set({ had_factors: 1 })
      .where('id', '=', person.id)
      .where('had_factors', '=', 0)
      .executeTakeFirst();
    if (first.numUpdatedRows !== 1n) throw lost('first factors were set elsewhere meanwhile');
  }
  const there = await trx.selectFrom('factors').select('id').where('person_id', '=', person.id).executeTakeFirst();
  if (there !== undefined || sets === null) throw lost('the person has factors');
  const password = sealer.openText(sealed_password, flowPlace(flow.id, 'sealed_password'));
  const secret = sealer.openText(sealed_totp, flowPlace(flow.id, 'sealed_totp'));
  await insertFactor(trx, at, { person: person.id, kind: 'password', name: 'Password', value: password, sealer });
  const lastStep = order.step ?? 0;
  const name = 'Authenticator app';
  await insertFactor(trx, at, { person: person.id, kind: 'totp', name, value: secret, sealer, lastStep });
  await trx.updateTable('devices').set({ first_factors: 0 }).where('person_id', '=', person.id).execute();
  await recordFactor(trx, at, order, 'factors-set', { how: sets });
  return replaceRecoveryCodes(trx, person.id);
}

export interface NewFactor {
  readonly person: string;
  readonly kind: 'password' | 'totp';
  readonly name: string;
  /** PHC string, or the base32 secret. */
  readonly value: string;
  readonly sealer: Sealer;
  readonly lastStep?: number;
  /** `active` unless told. */
  readonly state?: 'pending' | 'active';
}

export async function insertFactor(trx: Trx, at: number, order: NewFactor): Promise<string> {
  const id = `fac_${randomId()}`;
  const row = {
    id,
    person_id: order.person,
    kind: order.kind,
    name: order.name,
    state: order.state ?? 'active',
    sealed: order.sealer.sealText(order.value, factorPlace(id)),
    last_step: order.lastStep ?? 0,
    failures: 0,
    created_at: at,
  };
  await trx.insertInto('factors').values(row).execute();
  return id;
}

/** The old codes stop working. */
export async function replaceRecoveryCodes(trx: Trx, person: string): Promise<string[]> {
  const codes = makeRecoveryCodes();
  await trx.deleteFrom('recovery_codes').where('person_id', '=', person).execute();
  const rows = codes.map((code) => ({
    id: `rc_${randomId()}`,
    person_id: person,
    hash: hashRecoveryCode(code)!,
    used_at: null,
  }));
  await trx.insertInto('recovery_codes').values(rows).execute();
  return codes;
}

/**
 * Help desk: voids all factors and sessions of a person and returns a one-time code, never a password. The next sign-in on
 * an active device asks for the code and sets new factors. Roles are the caller's to judge (`mayManage`).
 */
export async function resetFactors(
  trx: Trx,
  at: number,
  order: { readonly person: string; readonly actor: string; readonly because?: string; readonly hours?: number },
): Promise<{ code: string; endsAt: number; n: number }> {
  const { person, actor, because } = order;
  const row = await trx
    .selectFrom('people')
    .select(['state', 'had_factors'])
    .where('id', '=', person)
    .executeTakeFirst();
  if (row === undefined) throw new PosternError('not-found', `there is no person ${person}`);
  if (row.state !== 'active') throw new PosternError('conflict', `${person} is ${row.state}`);
  if (row.had_factors === 0) {
    throw new PosternError('conflict', `${person} never had factors`, {
      tell: 'There are no factors yet: they are set on the first device.',
    });
  }
  await trx.deleteFrom('factors').where('person_id', '=', person).execute();
  await trx.deleteFrom('recovery_codes').where('person_id', '=', person).execute();
  await trx.deleteFrom('sign_in_flows').where('person_id', '=', person).execute();
  await trx.deleteFrom('admin_sessions').where('person_id', '=', person).execute();
  await voidInvitations(trx, { subject: person, kinds: ['factor-reset'] });
  const { n } = await endSessions(trx, at, {
    which: { person },
    because: 'factors-reset',
    reason: 'session-ended',
    actor,
  });
  const invitation = { kind: 'factor-reset', subject: person, createdBy: actor, hours: order.hours ?? 24 } as const;
  const { code, endsAt } = await createInvitation(trx, at, invitation);
  await appendRecord(trx, at, {
    kind: 'factor',
    person,
    actor,
    ...(because === undefined ? {} : { because }),
    event: 'factors-reset',
  });
  return { code, endsAt, n };
}

export async function recordFactor(
  trx: Trx,
  at: number,
  who: { readonly person: { readonly id: string }; readonly device: { readonly id: string }; readonly origin: Origin },
  event: RecordEvent<'factor'>,
  details?: Readonly<Record<string, string>>,
): Promise<void> {
  await appendRecord(trx, at, {
    kind: 'factor',
    event,
    person: who.person.id,
    device: who.device.id,
    ...who.origin,
    ...(details === undefined ? {} : { details }),
  });
}

function lost(why: string): PosternError {
  return new PosternError('sign-in-flow', `factors cannot be set: ${why}`);
}
