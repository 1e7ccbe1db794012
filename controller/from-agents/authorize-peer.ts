/**
 * Who calls on the mutual server (P1): the one role that the route is for, in service, with the key on record, and a live
 * session where the route asks for one. Judged from the store for every request, so that nothing outlives a suspension.
 */
import type { FastifyRequest } from 'fastify';
import type { Selectable } from 'kysely';
import { minute } from '#shared/base/clock.ts';
import { PosternError } from '#shared/base/errors.ts';
import { plainAddress } from '#shared/base/plain-address.ts';
import type { RouteShape } from '#shared/contracts/route.ts';
import { type Peer, requirePeer } from '#shared/wire/admit-peer.ts';
import { traceOf } from '#shared/wire/problem-reply.ts';
import type { IdentityParts, Origin } from '../identity/identity-parts.ts';
import { type FoundSession, findSession, type Session } from '../identity/sessions.ts';
import type { Tables } from '../store/tables.ts';
import type { RefusedCalls } from './refused-calls.ts';

export interface DeviceCaller {
  readonly device: Tables['devices'];
  readonly person: Tables['people'];
  /** Present on routes with `access: 'session'`, and then of this device and person. */
  readonly session: Session | undefined;
  /** The secret as sent, checked or not. */
  readonly secret: string | undefined;
  readonly origin: Origin;
}

export interface GatewayCaller {
  readonly gateway: Selectable<Tables['gateways']>;
  readonly origin: Origin;
}

const signOutPath = '/v1/sign-out';
const seenEvery = minute;

export interface DeviceGuard extends Pick<IdentityParts, 'store' | 'clock'> {
  readonly refused: RefusedCalls;
}

/** For the contracts of edge 1. Order: role, device, key, person, session, approval. */
export async function authorizeDevice(
  { store, clock, refused }: DeviceGuard,
  route: RouteShape,
  request: FastifyRequest,
): Promise<DeviceCaller> {
  const peer = requirePeer(request.raw.socket, 'device');
  const { db } = store;
  const now = clock.now();
  const device = await db.selectFrom('devices').selectAll().where('id', '=', peer.id).executeTakeFirst();
  const origin = originOf(request);
  if (device === undefined || (device.state !== 'active' && device.state !== 'pending')) {
    const person = device === undefined ? {} : { person: device.person_id };
    await refused.note({ route, reason: 'device-not-active', device: peer.id, ...person, origin });
    throw new PosternError('device-suspended', `device/${peer.id} is not in service`);
  }
  if (peer.jkt !== device.jkt) {
    await refused.note({ route, reason: 'certificate-refused', device: peer.id, person: device.person_id, origin });
    throw otherKey(peer);
  }
  const person = await db.selectFrom('people').selectAll().where('id', '=', device.person_id).executeTakeFirst();
  if (person?.state !== 'active') {
    await refused.note({ route, reason: 'person-not-active', device: peer.id, person: device.person_id, origin });
    throw new PosternError('device-suspended', `${device.person_id} is not active`);
  }
  if (now - (device.last_seen_at ?? 0) > seenEvery) {
    await db.updateTable('devices').set({ last_seen_at: now }).where('id', '=', device.id).execute();
  }
  const secret = readSecret(request);
  const caller = { device, person, secret, origin };
  if (route.access === 'certificate') return { ...caller, session: undefined };
  if (route.access !== 'session') throw new PosternError('role-needed', `${route.path} is not for devices`);
  const found = await findSession(db, { secret, device: device.id, now });
  // Somebody has carried the secret of one device to another: no honest agent can cause that.
  if (!found.ok && found.reason === 'wrong-device')
    await refused.note({ route, reason: 'wrong-device', device: peer.id, person: person.id, origin });
  const session = requireSession(found, device, route.path);
  // P5: a session on a waiting device is good for nothing but its end, above all not for changing factors.
  if (device.state === 'pending' && route.path !== signOutPath) {
    throw new PosternError('device-pending', `device/${device.id} waits for its approval`);
  }
  return { ...caller, session };
}

function requireSession(found: FoundSession, device: Tables['devices'], path: string): Session {
  if (found.ok && found.session.person === device.person_id) return found.session;
  // An idle session can still be ended.
  if (!found.ok && found.reason === 'session-idle' && path === signOutPath) return found.session;
  const code = !found.ok && found.reason === 'session-idle' ? 'session-idle' : 'session-required';
  throw new PosternError(code, `no session on device/${device.id}: ${found.ok ? 'another person' : found.reason}`);
}

/** For `gatewayToController`. Order: role, gateway, key, deny list. */
export async function authorizeGateway(
  { store }: IdentityParts,
  route: RouteShape,
  request: FastifyRequest,
): Promise<GatewayCaller> {
  const peer = requirePeer(request.raw.socket, 'gateway');
  if (route.access !== 'certificate') throw new PosternError('role-needed', `${route.path} is not for gateways`);
  const gateway = await store.db.selectFrom('gateways').selectAll().where('id', '=', peer.id).executeTakeFirst();
  if (gateway?.state !== 'active')
    throw new PosternError('certificate-refused', `gateway/${peer.id} is not in service`);
  if (peer.jkt !== gateway.jkt) throw otherKey(peer);
  const denied = await store.db
    .selectFrom('denied')
    .select('id')
    .where('id', '=', `gateway/${peer.id}`)
    .executeTakeFirst();
  if (denied !== undefined) throw new PosternError('certificate-refused', `gateway/${peer.id} is denied`);
  return { gateway, origin: originOf(request) };
}

/** A certificate for a key that was replaced is good until it expires; here it is not. */
function otherKey({ role, id }: Peer): PosternError {
  return new PosternError('certificate-refused', `${role}/${id} came with another key than the one on record`);
}

const scheme = 'Postern-Session ';

function readSecret(request: FastifyRequest): string | undefined {
  const { authorization } = request.headers;
  if (authorization === undefined || !authorization.startsWith(scheme)) return undefined;
  return authorization.slice(scheme.length);
}

export function originOf(request: FastifyRequest): Origin {
  return { from: plainAddress(request.raw.socket.remoteAddress ?? 'unknown'), trace: traceOf(request.raw) };
}
