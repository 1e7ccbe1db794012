/**
 * An address besides loopback (the bridge of a container network, say) at which programs with a password reach the proxies.
 * Nobody is let in here by the owner of the connection alone: such an address may be reached from other machines.
 */
import { isIP, isIPv6, type Server, type Socket } from 'node:net';
import { second } from '#shared/base/clock.ts';
import { PosternError } from '#shared/base/errors.ts';
import type { Stoppable } from '#shared/base/lifecycle.ts';
import type { Log } from '#shared/base/log.ts';
import { plainAddress } from '#shared/base/plain-address.ts';
import { listenTcp } from '#shared/wire/listen.ts';
import type { OwnerCheck } from './owner-check.ts';
import { closePausedServers, makePausedServer } from './paused-server.ts';

export interface ClientPortOptions {
  /** For the log. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly check: OwnerCheck;
  readonly log: Log;
  /** A connection of nobody, still paused; false when it cannot be taken. */
  readonly onSocket: (socket: Socket) => boolean;
}

export interface ClientPort extends Stoppable {
  /** False while this machine has no such address: bridges come and go with their containers. */
  readonly listening: boolean;
}

const retryMs = 5 * second;

/** Every port at every address. `listening` gives those that listen now, as `LocalSide.addresses` does. */
export async function listenForClients(
  addresses: readonly string[],
  ports: readonly Omit<ClientPortOptions, 'host'>[],
): Promise<Stoppable & { listening(): { readonly name: string; readonly address: string }[] }> {
  for (const address of addresses) requireOneAddress(address);
  const started: { options: ClientPortOptions; port: ClientPort }[] = [];
  const stop = async () => {
    await Promise.all(started.map(({ port }) => port.stop()));
  };
  try {
    for (const host of addresses) {
      for (const port of ports) {
        const options = { ...port, host };
        started.push({ options, port: await listenClients(options) });
      }
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    stop,
    listening: () =>
      started
        .filter(({ port }) => port.listening)
        .map(({ options: { name, host, port } }) => ({
          name,
          address: `${isIPv6(host) ? `[${host}]` : host}:${port}`,
        })),
  };
}

/** Never every address of the machine, whose networks change under it; loopback is served already. */
function requireOneAddress(address: string): void {
  const plain = plainAddress(address);
  const isAll = plain === '0.0.0.0' || /^[0:]+$/.test(plain);
  const isLoopback = plain === '::1' || plain.startsWith('127.');
  if (isIP(address) !== 0 && !isAll && !isLoopback) return;
  throw new PosternError(
    'invalid-config',
    `local.clientAddresses: ${JSON.stringify(address)} is not one address of this machine besides loopback`,
  );
}

/** Throws `conflict` with the name of the owner of a taken port. An address that is not there yet is waited for. */
async function listenClients(options: ClientPortOptions): Promise<ClientPort> {
  const { name, host, port, log } = options;
  const open = new Set<Socket>();
  const server: Server = makePausedServer(open, (socket) => void admit(options, socket));
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  async function tryAgain(): Promise<void> {
    try {
      await listenTcp(server, { host, port });
      log.info({ listener: name, host, port }, 'listens for clients');
    } catch (error) {
      if (!isAbsent(error)) log.warn({ listener: name, host, port, err: error }, 'cannot listen for clients');
      wait();
    }
    if (stopped) await closePausedServers([server], open);
  }

  function wait(): void {
    if (!stopped) timer = setTimeout(() => void tryAgain(), retryMs).unref();
  }

  try {
    await listenTcp(server, { host, port });
  } catch (error) {
    if (!isAbsent(error)) throw error;
    log.warn({ listener: name, host, port }, 'this machine has no such address yet');
    wait();
  }
  return {
    get listening() {
      return server.listening;
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await closePausedServers([server], open);
    },
  };
}

async function admit({ name, check, log, onSocket }: ClientPortOptions, socket: Socket): Promise<void> {
  try {
    const ownership = await check(socket);
    if (socket.destroyed) return;
    if (ownership !== 'other' && onSocket(socket)) return;
    log.warn({ listener: name, ownership, from: socket.remoteAddress }, 'refused a connection');
  } catch (error) {
    log.error({ err: error, listener: name }, 'a connection of a client failed');
  }
  socket.destroy();
}

function isAbsent(error: unknown): boolean {
  const cause = error instanceof PosternError ? (error.cause as NodeJS.ErrnoException | undefined) : undefined;
  return cause?.code === 'EADDRNOTAVAIL';
}
