/** One-time codes (P5): 128 random bits, hashed at rest, used once by compare-and-set in the database (P18). */
import { X509Certificate } from 'node:crypto';
import { randomId, randomSecret, sha256 } from '#shared/base/bytes.ts';
import { hour } from '#shared/base/clock.ts';
import type { FrontDoor } from '#shared/contracts/knock.ts';
import type { DenyReason } from '#shared/contracts/reasons.ts';
import { encodeInvitation } from '#shared/wire/invitation.ts';
import { hintChange } from '../store/changes.ts';
import type { Db, Trx } from '../store/open-store.ts';

export type InvitationKind = 'device' | 'gateway' | 'factor-reset';
export type Approval = 'none' | 'code' | 'inventory';

export interface InvitationOrder {
  readonly kind: InvitationKind;
  /** Person, or gateway for kind `gateway`. */
  readonly subject: string;
  readonly approval?: Approval;
  readonly ownership?: 'company' | 'personal' | 'unknown';
  /** 72 unless told. */
  readonly hours?: number;
  readonly createdBy: string;
}

export interface RedeemedInvitation {
  readonly id: string;
  readonly subject: string;
  readonly approval: Approval;
  readonly ownership: 'company' | 'personal' | 'unknown';
}

const defaultHours = 72;
const codeBytes = 16;

/** At rest: SHA-256 as hex. The code has 128 random bits, so nothing is gained by salt or a slow hash. */
const hashCode = (code: string): string => sha256(code).toString('hex');

/** The code is returned once and never stored. */
export async function createInvitation(
  trx: Trx,
  at: number,
  order: InvitationOrder,
): Promise<{ id: string; code: string; endsAt: number }> {
  const code = randomSecret(codeBytes);
  const id = `inv_${randomId()}`;
  const endsAt = at + (order.hours ?? defaultHours) * hour;
  const row = {
    id,
    kind: order.kind,
    code_hash: hashCode(code),
    subject: order.subject,
    approval: order.approval ?? 'none',
    ownership: order.ownership ?? 'unknown',
    state: 'open',
    created_by: order.createdBy,
    created_at: at,
    ends_at: endsAt,
    used_at: null,
  };
  await trx.insertInto('invitations').values(row).execute();
  hintChange();
  return { id, code, endsAt };
}

/** Whom a code could be redeemed for now; decides nothing, it only spares strangers' codes the work of issuing. */
export async function subjectOfOpenCode(
  db: Db,
  at: number,
  { code, kind }: { code: string; kind: InvitationKind },
): Promise<string | undefined> {
  const row = await db
    .selectFrom('invitations')
    .select('subject')
    .where('code_hash', '=', hashCode(code))
    .where('kind', '=', kind)
    .where('state', '=', 'open')
    .where('ends_at', '>', at)
    .executeTakeFirst();
  return row?.subject;
}

/**
 * Uses a code up: of two that redeem it at once, one gets it. Undefined when it is unknown, used, voided, expired, of
 * another kind, or for somebody else than `subject`.
 */
export async function redeemInvitation(
  trx: Trx,
  at: number,
  { code, kind, subject }: { code: string; kind: InvitationKind; subject?: string },
): Promise<RedeemedInvitation | undefined> {
  let query = trx
    .updateTable('invitations')
    .set({ state: 'used', used_at: at })
    .where('code_hash', '=', hashCode(code))
    .where('kind', '=', kind)
    .where('state', '=', 'open')
    .where('ends_at', '>', at);
  if (subject !== undefined) query = query.where('subject', '=', subject);
  const row = await query.returning(['id', 'subject', 'approval', 'ownership']).executeTakeFirst();
  return row as RedeemedInvitation | undefined;
}

export interface CodeMisuse {
  readonly reason: DenyReason;
  /** Present when the code was once one of ours. */
  readonly invitation?: string;
  readonly subject?: string;
}

/** Why a code was not taken, for the log alone: strangers read one answer for all of it (P12). */
export async function whyNoCode(
  db: Db,
  at: number,
  { code, kind, subject }: { code: string; kind: InvitationKind; subject?: string },
): Promise<CodeMisuse> {
  const row = await db.selectFrom('invitations').selectAll().where('code_hash', '=', hashCode(code)).executeTakeFirst();
  if (row === undefined) return { reason: 'code-unknown' };
  const known = { invitation: row.id, subject: row.subject };
  if (row.kind !== kind || (subject !== undefined && row.subject !== subject))
    return { reason: 'code-misplaced', ...known };
  if (row.state === 'used') return { reason: 'code-used', ...known };
  if (row.state === 'voided') return { reason: 'code-voided', ...known };
  return { reason: row.ends_at <= at ? 'code-expired' : 'person-not-active', ...known };
}

/** Voids what is still open, by id or for a subject; returns how many. */
export async function voidInvitations(
  trx: Trx,
  which: { readonly id: string } | { readonly subject: string; readonly kinds: readonly InvitationKind[] },
): Promise<number> {
  let query = trx.updateTable('invitations').set({ state: 'voided' }).where('state', '=', 'open');
  query =
    'id' in which
      ? query.where('id', '=', which.id)
      : query.where('subject', '=', which.subject).where('kind', 'in', [...which.kinds]);
  hintChange();
  return Number((await query.executeTakeFirst()).numUpdatedRows);
}

export interface InvitationTextOrder {
  /** `host:port` of the bootstrap server. */
  readonly bootstrap: string;
  readonly mutual?: string;
  /** PEM of the root that the invited pins. */
  readonly root: string;
  readonly code: string;
  readonly role: 'device' | 'gateway';
  readonly organisation: string;
  /** What it knocks with at the controller's door, and what that is. */
  readonly knock: FrontDoor & { readonly invitation: string; readonly secret: string };
}

/** The text that a person is sent: where to go, whom to trust, and the code. */
export function invitationText(order: InvitationTextOrder): string {
  const { invitation: invited, secret, door, ports, preludePort } = order.knock;
  const open = preludePort === undefined ? {} : { t: preludePort };
  return encodeInvitation({
    v: 1,
    u: order.bootstrap,
    ...(order.mutual === undefined ? {} : { c: order.mutual }),
    p: rootPin(order.root),
    k: order.code,
    r: order.role,
    o: order.organisation,
    n: { i: invited, s: secret, d: door, ...open, ...(ports === undefined ? {} : { p: [...ports] }) },
  });
}

/** SHA-256 of the DER as lower-case hex. */
function rootPin(pem: string): string {
  return sha256(new X509Certificate(pem).raw).toString('hex');
}
