/**
 * Who calls the admin API. No token: the owner at the shell, for the socket is this user's alone (P6), and each change then
 * needs a reason. With a token: the person of an admin session, as far as their role reaches now, not when they signed in.
 */
import type { FastifyRequest } from 'fastify';
import { sha256 } from '#shared/base/bytes.ts';
import { PosternError } from '#shared/base/errors.ts';
import type { Role } from '#shared/contracts/admin-objects.ts';
import { reasonHeader } from '#shared/contracts/admin-to-controller.ts';
import type { RouteShape } from '#shared/contracts/route.ts';
import { traceOf } from '#shared/wire/problem-reply.ts';
import type { Db } from '../store/open-store.ts';
import type { AdminCaller, AdminParts } from './admin-parts.ts';
import { recordWrongRole, subjectOf } from './record-admin.ts';

export const adminScheme = 'Postern-Admin ';

/** An auditor reads everything and changes nothing. */
const reaches: Readonly<Record<string, readonly Role[]>> = {
  reader: ['auditor', 'admin', 'owner'],
  admin: ['admin', 'owner'],
  owner: ['owner'],
};
const maxReason = 500;
const maxToken = 128;

export const hashToken = (token: string): string => sha256(token).toString('hex');

export async function authorizeAdmin(
  { db, clock }: Pick<AdminParts, 'db' | 'clock'>,
  route: RouteShape,
  request: FastifyRequest,
): Promise<AdminCaller> {
  const allowed = reaches[route.access] ?? [];
  const trace = traceOf(request.raw);
  const { authorization } = request.headers;
  const because = readReason(request.headers[reasonHeader]);
  if (authorization === undefined) {
    if (!allowed.includes('owner')) throw new PosternError('role-needed', `${route.path} is not for administrators`);
    const reason = route.access === 'reader' ? because : (because ?? (await setUpReason(db)));
    return { actor: 'shell', role: 'owner', standing: 'shell', person: undefined, because: reason, trace };
  }
  const person = await findAdmin(db, clock.now(), authorization);
  const role = person.role as Role;
  if (!allowed.includes(role)) {
    const caller = { actor: person.id, person: person.id, role, because, trace };
    await recordWrongRole(db, clock.now(), caller, route, subjectOf(request.params));
    throw new PosternError(
      'role-needed',
      `${person.id} is ${role}; ${request.method} ${route.path} needs another role`,
    );
  }
  return { actor: person.id, role, standing: role, person: person.id, because, trace };
}

/** Percent-encoded UTF-8, as a header cannot carry more than Latin 1. A reason that says nothing is refused. */
function readReason(given: string | string[] | undefined): string | undefined {
  if (given === undefined) return undefined;
  const text = [given].flat().join(' ');
  const reason = decode(text).trim();
  if (reason === '' || reason.length > maxReason) {
    throw noReason(`a reason of ${reason.length} characters`);
  }
  return reason;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // Typed by hand with a bare percent sign: it stands for itself.
    return text;
  }
}

/** Before any owner has ever signed in there is nothing to explain: what is done is setting up. */
async function setUpReason(db: Db): Promise<string> {
  const owner = await db
    .selectFrom('people')
    .select('id')
    .where('role', '=', 'owner')
    .where('last_sign_in_at', 'is not', null)
    .executeTakeFirst();
  if (owner === undefined) return 'set-up';
  throw noReason('a change from the shell came without a reason');
}

function noReason(why: string): PosternError {
  return new PosternError('reason-needed', why, {
    tell: 'Say why, it is recorded: --reason TEXT.',
  });
}

async function findAdmin(db: Db, now: number, authorization: string): Promise<{ id: string; role: string }> {
  const token = authorization.startsWith(adminScheme) ? authorization.slice(adminScheme.length) : '';
  const refused = new PosternError('session-required', 'an admin session is unknown or has ended', {
    tell: 'Your admin session has ended: sign in again.',
  });
  if (token === '' || token.length > maxToken) throw refused;
  const person = await db
    .selectFrom('admin_sessions')
    .innerJoin('people', 'people.id', 'admin_sessions.person_id')
    .select(['people.id', 'people.role'])
    .where('token_hash', '=', hashToken(token))
    .where('ends_at', '>', now)
    .where('people.state', '=', 'active')
    .executeTakeFirst();
  if (person === undefined) throw refused;
  return person;
}
