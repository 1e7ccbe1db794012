/**
 * A loopback port that serves this operating-system user and nobody else (P30): no byte of a connection is read before the
 * kernel has said whose it is.
 */
import type { Socket } from 'node:net';
import { second } from '#shared/base/clock.ts';
import { PosternError } from '#shared/base/errors.ts';
import type { Stoppable } from '#shared/base/lifecycle.ts';
import type { Log } from '#shared/base/log.ts';
import { listenTcp } from '#shared/wire/listen.ts';
import type { OwnerCheck } from './owner-check.ts';
import { closePausedServers, makePausedServer } from './paused-server.ts';

export interface OwnPortOptions {
  /** For the log. */
  readonly name: string;
  /** Instead of both loopback addresses this one alone. */
  readonly host?: string;
  /** 0 takes any port that is free on both loopback addresses. */
  readonly port: number;
  readonly check: OwnerCheck;
  /** For development on a system that cannot tell owners: takes a connection whose owner is `unprovable`. Never another user's. */
  readonly trustLoopback: boolean;
  readonly log: Log;
  /** A proven connection, still paused. */
  readonly onSocket: (socket: Socket) => void;
  /** May take a connection whose owner is `unprovable`, still paused, to hear a password from it; false leaves it refused. */
  readonly onUnproven?: ((socket: Socket) => boolean) | undefined;
  /** The last words to a stranger, if any; the connection is closed after them. */
  readonly refusal?: (error: PosternError) => string;
}

export interface OwnPort extends Stoppable {
  readonly port: number;
}

const freePortAttempts = 8;
const lingerMs = second;

/** Throws `conflict` with the name of the owner of a taken port. */
export async function listenOwn(options: OwnPortOptions): Promise<OwnPort> {
  const open = new Set<Socket>();
  if (options.host !== undefined) {
    const one = makePausedServer(open, (socket) => void admit(options, socket));
    const { port } = await listenTcp(one, { host: options.host, port: options.port });
    return { port, stop: () => closePausedServers([one], open) };
  }
  for (let attempt = 1; ; attempt += 1) {
    const v4 = makePausedServer(open, (socket) => void admit(options, socket));
    const { port } = await listenTcp(v4, { host: '127.0.0.1', port: options.port });
    const v6 = makePausedServer(open, (socket) => void admit(options, socket));
    try {
      // Browsers try ::1 first: a port left free there could be taken by another user, who would get their cookies.
      await listenTcp(v6, { host: '::1', port });
    } catch (error) {
      if (!isWithoutIpv6(error)) {
        await closePausedServers([v4], open);
        if (options.port === 0 && isConflict(error) && attempt < freePortAttempts) continue;
        throw error;
      }
    }
    return {
      port,
      stop: () => closePausedServers([v4, v6], open),
    };
  }
}

async function admit(options: OwnPortOptions, socket: Socket): Promise<void> {
  const { name, check, log } = options;
  try {
    const ownership = await check(socket);
    if (socket.destroyed) return;
    if (ownership === 'own' || (ownership === 'unprovable' && options.trustLoopback)) {
      options.onSocket(socket);
      return;
    }
    if (ownership === 'unprovable' && options.onUnproven?.(socket)) return;
    log.warn({ listener: name, ownership, port: socket.remotePort }, 'refused a local connection');
    refuse(socket, options.refusal?.(refusalOf(ownership)));
  } catch (error) {
    log.error({ err: error, listener: name }, 'a local connection failed');
    socket.destroy();
  }
}

function refusalOf(ownership: 'other' | 'unprovable'): PosternError {
  const tell =
    ownership === 'other'
      ? 'This port serves the user who started the agent and nobody else.'
      : 'Whose this connection is cannot be told here, so it is refused.';
  return new PosternError('local-refused', undefined, { tell });
}

/** What the stranger sent is thrown away unread; closing at once would take the last words along. */
function refuse(socket: Socket, words: string | undefined): void {
  if (words === undefined) {
    socket.destroy();
    return;
  }
  socket.resume();
  socket.end(words);
  setTimeout(() => socket.destroy(), lingerMs).unref();
}

function isConflict(error: unknown): boolean {
  return error instanceof PosternError && error.code === 'conflict';
}

function isWithoutIpv6(error: unknown): boolean {
  const cause = error instanceof PosternError ? (error.cause as NodeJS.ErrnoException | undefined) : undefined;
  return cause?.code === 'EADDRNOTAVAIL' || cause?.code === 'EAFNOSUPPORT';
}
