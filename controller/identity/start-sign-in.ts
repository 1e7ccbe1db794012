/** Opening a flow: which step it begins with is read from the records, never asked for by the peer. */
import { PosternError } from '#shared/base/errors.ts';
import type { DenyReason } from '#shared/contracts/reasons.ts';
import type { SignInPurpose, SignInState } from '#shared/contracts/sign-in.ts';
import { appendRecord } from '../log/append-record.ts';
import type { Db } from '../store/open-store.ts';
import type { Tables } from '../store/tables.ts';
import type { IdentityParts, Origin } from './identity-parts.ts';
import { findSession, type Session } from './sessions.ts';
import { createFlow, flowState, type NewFlow } from './sign-in-flow.ts';
import { isInService } from './sign-in-steps.ts';

export interface SignInStart {
  readonly purpose: SignInPurpose;
  /** From the certificate of the connection. */
  readonly deviceId: string;
  /** The session secret that came along; needed for `step-up` and `resume`. */
  readonly secret: string | undefined;
  readonly origin: Origin;
}

type Opening = Pick<NewFlow, 'session' | 'step' | 'sets'>;

/** Throws `device-suspended`, `device-pending`, `session-required` or `session-idle`, each with a record. */
export async function startSignIn(parts: IdentityParts, order: SignInStart): Promise<SignInState> {
  const { store, clock } = parts;
  const { deviceId, purpose } = order;
  const device = await store.db.selectFrom('devices').selectAll().where('id', '=', deviceId).executeTakeFirst();
  if (device === undefined || !isInService(device)) {
    throw await refused(parts, order, 'device-suspended', 'device-not-active', device);
  }
  const person = await store.db.selectFrom('people').selectAll().where('id', '=', device.person_id).executeTakeFirst();
  if (person?.state !== 'active') throw await refused(parts, order, 'device-suspended', 'person-not-active', device);
  const opening =
    purpose === 'sign-in' ? await openSignIn(parts, order, device, person) : await openOnSession(parts, order, device);
  const at = clock.now();
  const flow = await store.db
    .transaction()
    .execute((trx) => createFlow(trx, at, { person: person.id, device: device.id, purpose, ...opening }));
  return flowState(flow, person, at);
}

async function openSignIn(
  parts: IdentityParts,
  order: SignInStart,
  device: Tables['devices'],
  person: Tables['people'],
): Promise<Opening> {
  const { db } = parts.store;
  if (person.had_factors === 0) {
    // P5: only the device of the first invitation, and only once an administrator's approval is there if one is asked for:
    // factors that a stranger set would outlive the refusal of the stranger's device.
    const isApproved = device.state === 'active' || (await isApprovalMet(db, device));
    if (device.first_factors !== 1 || !isApproved) {
      throw await refused(parts, order, 'device-pending', 'device-not-active', device);
    }
    return { session: null, step: 'set-password', sets: 'first' };
  }
  if (!(await hasFactors(db, person.id)) && (await hasResetCode(db, person.id, parts.clock.now()))) {
    if (device.state !== 'active') throw await refused(parts, order, 'device-pending', 'device-not-active', device);
    return { session: null, step: 'second-factor', sets: 'reset' };
  }
  return { session: null, step: 'password', sets: null };
}

async function openOnSession(parts: IdentityParts, order: SignInStart, device: Tables['devices']): Promise<Opening> {
  const { purpose, secret, deviceId } = order;
  const found = await findSession(parts.store.db, { secret, device: deviceId, now: parts.clock.now() });
  let session: Session | undefined;
  if (found.ok) session = found.session;
  else if (found.reason === 'session-idle') {
    if (purpose === 'step-up') throw await refused(parts, order, 'session-idle', 'session-idle', device);
    session = found.session;
  } else throw await refused(parts, order, 'session-required', found.reason, device);
  return { session: session.id, step: 'second-factor', sets: null };
}

/** Whether the approval that the invitation asked for is there without an administrator. */
export async function isApprovalMet(db: Db, device: Pick<Tables['devices'], 'approval' | 'serial'>): Promise<boolean> {
  if (device.approval === 'none') return true;
  if (device.approval !== 'inventory' || device.serial === null) return false;
  const row = await db.selectFrom('inventory').select('serial').where('serial', '=', device.serial).executeTakeFirst();
  return row !== undefined;
}

async function hasFactors(db: Db, person: string): Promise<boolean> {
  const row = await db.selectFrom('factors').select('id').where('person_id', '=', person).executeTakeFirst();
  return row !== undefined;
}

async function hasResetCode(db: Db, person: string, now: number): Promise<boolean> {
  const row = await db
    .selectFrom('invitations')
    .select('id')
    .where('subject', '=', person)
    .where('kind', '=', 'factor-reset')
    .where('state', '=', 'open')
    .where('ends_at', '>', now)
    .executeTakeFirst();
  return row !== undefined;
}

async function refused(
  { store, clock }: IdentityParts,
  order: SignInStart,
  code: 'device-suspended' | 'device-pending' | 'session-required' | 'session-idle',
  reason: DenyReason,
  device: Tables['devices'] | undefined,
): Promise<PosternError> {
  await appendRecord(store.db, clock.now(), {
    kind: 'sign-in',
    verdict: 'deny',
    reasons: [reason],
    device: order.deviceId,
    ...(device === undefined ? {} : { person: device.person_id }),
    ...order.origin,
    event: 'not-started',
    details: { purpose: order.purpose },
  });
  return new PosternError(code, `a ${order.purpose} on ${order.deviceId} cannot start: ${reason}`);
}
