/**
 * Sessions: a signed-in person on one device. The secret has 256 bits, is hashed at rest and is worth nothing on another
 * device. 12 h at most, idle after 1 h without use (NIST SP 800-63B-4 section 2.2.3; P19 says what use is).
 */
import { randomId, randomSecret, sha256 } from '#shared/base/bytes.ts';
import { hour } from '#shared/base/clock.ts';
import type { Revocation } from '#shared/contracts/gateway-to-controller.ts';
import type { SessionGiven } from '#shared/contracts/sign-in.ts';
import { appendRecord } from '../log/append-record.ts';
import { revoke } from '../revocation/revoke.ts';
import { nextChange } from '../store/changes.ts';
import type { Db, Trx } from '../store/open-store.ts';
import type { Tables } from '../store/tables.ts';
import type { Origin } from './identity-parts.ts';
import { announceKnockKeys, withdrawKnockKeys } from './knock-keys.ts';

const sessionLifeMs = 12 * hour;
export const sessionIdleMs = hour;

export interface Session {
  readonly id: string;
  readonly person: string;
  readonly device: string;
  /** RFC 8176: `pwd`, `otp`, `mfa`; `recovery` for a recovery code. */
  readonly methods: readonly string[];
  /** All times in milliseconds since the epoch. */
  readonly startedAt: number;
  readonly endsAt: number;
  readonly lastActiveAt: number;
  readonly passwordAt: number | undefined;
  readonly secondFactorAt: number | undefined;
  readonly idle: boolean;
}

export type FoundSession =
  | { readonly ok: true; readonly session: Session }
  | { readonly ok: false; readonly reason: 'session-required' | 'wrong-device' }
  /** Alive, and good for nothing but signing out and `resume`. */
  | { readonly ok: false; readonly reason: 'session-idle'; readonly session: Session };

const hashSecret = (secret: string): string => sha256(secret).toString('hex');

/** Order: known, alive, of this device, not idle. `secret` is undefined when the call carried none. */
export async function findSession(
  db: Db,
  { secret, device, now }: { readonly secret: string | undefined; readonly device: string; readonly now: number },
): Promise<FoundSession> {
  if (secret === undefined || secret.length > 128) return { ok: false, reason: 'session-required' };
  const row = await db
    .selectFrom('sessions')
    .selectAll()
    .where('secret_hash', '=', hashSecret(secret))
    .executeTakeFirst();
  if (row === undefined || row.state !== 'live' || row.ends_at <= now) return { ok: false, reason: 'session-required' };
  if (row.device_id !== device) return { ok: false, reason: 'wrong-device' };
  const session = toSession(row, now);
  return session.idle ? { ok: false, reason: 'session-idle', session } : { ok: true, session };
}

export function toSession(row: Tables['sessions'], now: number): Session {
  return {
    id: row.id,
    person: row.person_id,
    device: row.device_id,
    methods: JSON.parse(row.methods) as string[],
    startedAt: row.started_at,
    endsAt: row.ends_at,
    lastActiveAt: row.last_active_at,
    passwordAt: row.password_at ?? undefined,
    secondFactorAt: row.second_factor_at ?? undefined,
    idle: now - row.last_active_at > sessionIdleMs,
  };
}

/**
 * Moves the last use forward, never back and never past `at`. Not for an idle session: that needs a factor. No change number
 * (P13): a use turns no verdict, it only keeps the next one from being `session-idle`.
 */
export async function touchSession(trx: Trx, id: string, lastActiveAt: number): Promise<void> {
  await trx
    .updateTable('sessions')
    .set({ last_active_at: lastActiveAt })
    .where('id', '=', id)
    .where('state', '=', 'live')
    .where('last_active_at', '<', lastActiveAt)
    .where('last_active_at', '>=', lastActiveAt - sessionIdleMs)
    .execute();
}

export interface NewSession {
  readonly person: string;
  readonly device: string;
  readonly methods: readonly string[];
  readonly passwordAt: number | null;
  readonly secondFactorAt: number | null;
}

export async function createSession(trx: Trx, at: number, order: NewSession): Promise<SessionGiven> {
  const secret = randomSecret(32);
  const id = `ses_${randomId()}`;
  const row = {
    id,
    secret_hash: hashSecret(secret),
    person_id: order.person,
    device_id: order.device,
    state: 'live',
    ended_because: null,
    methods: JSON.stringify(order.methods),
    started_at: at,
    ends_at: at + sessionLifeMs,
    last_active_at: at,
    password_at: order.passwordAt,
    second_factor_at: order.secondFactorAt,
    knock_n: 0,
  };
  await trx.insertInto('sessions').values(row).execute();
  await nextChange(trx, at);
  await announceKnockKeys(trx, at, order.device);
  return { id, secret, expiresInMs: sessionLifeMs, idleInMs: sessionIdleMs };
}

export interface EndSessions {
  readonly which: { readonly session: string } | { readonly person: string } | { readonly device: string };
  /** Left alive: the session that asks. */
  readonly except?: string;
  /** For the record: `signed-out`, `replaced`, `person-suspended`, `factors-reset`, ... */
  readonly because: string;
  readonly reason: Revocation['reason'];
  readonly actor?: string;
  readonly origin?: Origin;
  /** False when the caller takes back more than the sessions' grants itself. */
  readonly revokes?: boolean;
}

/** Ends live sessions, takes back their grants and records each. `n` is 0 when there was none. */
export async function endSessions(
  trx: Trx,
  at: number,
  order: EndSessions,
): Promise<{ ids: string[]; n: number; grants: number }> {
  let query = trx
    .updateTable('sessions')
    .set({ state: 'ended', ended_because: order.because, ends_at: at })
    .where('state', '=', 'live');
  const { which } = order;
  if ('session' in which) query = query.where('id', '=', which.session);
  else if ('person' in which) query = query.where('person_id', '=', which.person);
  else query = query.where('device_id', '=', which.device);
  if (order.except !== undefined) query = query.where('id', '!=', order.except);
  const rows = await query.returning(['id', 'person_id', 'device_id']).execute();
  const ids = rows.map((row) => row.id);
  if (ids.length === 0) return { ids, n: 0, grants: 0 };
  await withdrawKnockKeys(trx, at, ids);
  await trx.deleteFrom('sign_in_flows').where('session_id', 'in', ids).execute();
  for (const row of rows) {
    await appendRecord(trx, at, {
      kind: 'session',
      person: row.person_id,
      device: row.device_id,
      session: row.id,
      ...order.origin,
      ...(order.actor === undefined ? {} : { actor: order.actor }),
      event: 'ended',
      details: { because: order.because },
    });
  }
  if (order.revokes === false) return { ids, n: 0, grants: 0 };
  return { ids, ...(await revoke(trx, at, [{ kind: 'session', ids, reason: order.reason }])) };
}
