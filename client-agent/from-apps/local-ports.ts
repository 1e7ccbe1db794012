/** A local port of its own for a TCP app: `psql -h localhost -p 15432` (by configuration or `postern connect`). */
import type { Socket } from 'node:net';
import { newTrace } from '#shared/base/bytes.ts';
import { asPosternError, PosternError } from '#shared/base/errors.ts';
import type { Log } from '#shared/base/log.ts';
import type { Agent } from '../agent-api.ts';
import type { AppDirectory } from './app-directory.ts';
import { listenOwn, type OwnPort } from './listen-own.ts';
import type { OwnerCheck } from './owner-check.ts';
import { openTunnel } from './tunnel-to-app.ts';

export interface LocalPortsParts {
  readonly agent: Pick<Agent, 'traffic' | 'activity'>;
  readonly apps: AppDirectory;
  readonly check: OwnerCheck;
  readonly trustLoopback: boolean;
  readonly log: Log;
}

export interface LocalPort extends OwnPort {
  readonly app: string;
}

/** Asked for on a command line: the app must be there now. Throws `not-allowed` when it is not, `conflict` for a taken port. */
export async function openPortFor(parts: LocalPortsParts, app: string, port: number): Promise<LocalPort> {
  if (parts.apps.tcpById(app) === undefined) {
    throw new PosternError('not-allowed', undefined, { tell: `You have no TCP app called ${app}.` });
  }
  return openLocalPort(parts, app, port);
}

/** By configuration: the app may come later, with the sign-in. */
export async function openLocalPort(parts: LocalPortsParts, app: string, port: number): Promise<LocalPort> {
  const { check, trustLoopback, log } = parts;
  const onSocket = (socket: Socket) => {
    const trace = newTrace();
    carryToApp(parts, app, socket, trace).catch((thrown: unknown) => {
      const error = asPosternError(thrown);
      // A bare TCP client can be told nothing.
      log.info({ app, problem: error.code, trace }, `a local connection ended: ${error.message}`);
      socket.destroy();
    });
  };
  const own = await listenOwn({ name: `port of ${app}`, port, check, trustLoopback, log, onSocket });
  return { app, port: own.port, stop: () => own.stop() };
}

/** Rejects with what ended it; the socket is the caller's to close then. */
export async function carryToApp(parts: LocalPortsParts, app: string, socket: Socket, trace: string): Promise<void> {
  const tunnel = await openTunnel(parts, socket, { app, trace });
  await tunnel.join();
}
