/** The pooled HTTP/1.1 connections under `callContract`. */
import type { Socket } from 'node:net';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import type { Agent as AgentType, buildConnector as buildConnectorType } from 'undici';
import { hour, second, systemClock } from '../base/clock.ts';
import { lapseConnection } from './connection-lapse.ts';
import type { Reach, Secure } from './doors/reach.ts';
import { maxCarriedHeadBytes } from './head-limits.ts';
import { hearOut } from './hear-out.ts';
import { Agent, buildConnector } from './undici-parts.ts';

export interface DispatcherOptions {
  /** Connections per origin; 4 unless told. */
  readonly connections?: number;
  readonly connectTimeoutMs?: number;
  readonly keepAliveMs?: number;
  /** A connection older than this takes no new request; what runs on it goes on to its end. An hour unless told. */
  readonly maxAgeMs?: number;
  /** How a connection comes about, where the server may hide (P28) or an HTTP proxy be on the way; else by TCP alone. */
  readonly reach?: Reach | undefined;
}

/** Of a whole ladder, unless told; each rung has its own limit. */
const reachTimeoutMs = 9 * second;

/**
 * `tls` is asked at every new connection, so a renewed certificate or bundle is used from the next one on. Each connection
 * ends with the server's certificate: long before, new requests go to new connections, so that none is caught by that end.
 * Close it with `close()` (waits for requests) or `destroy()`.
 */
export function makeDispatcher(tls: () => ConnectionOptions, options: DispatcherOptions = {}): AgentType {
  const { connections = 4, connectTimeoutMs = 5 * second, keepAliveMs = 30 * second, maxAgeMs = hour } = options;
  const { reach } = options;
  const withinMs = options.connectTimeoutMs ?? reachTimeoutMs;
  const timeout = connectTimeoutMs;
  return new Agent({
    connections,
    pipelining: 1,
    keepAliveTimeout: keepAliveMs,
    clientTtl: maxAgeMs,
    maxHeaderSize: maxCarriedHeadBytes,
    connect(target, done) {
      // No cached sessions: with resumption Node skips checkServerIdentity (P2).
      const connector = buildConnector({ ...tls(), ALPNProtocols: undefined, maxCachedSessions: 0, timeout } as never);
      const finish: Parameters<typeof connector>[1] = (...[error, socket]) => {
        if (error !== null || socket === null) return done(error ?? new Error('no connection'), null);
        lapseAtLeafEnd(socket as TLSSocket);
        done(null, hearOut(socket));
      };
      if (reach === undefined) return connector(target, finish);
      const to = { host: target.hostname.replace(/^\[|\]$/g, ''), port: Number(target.port) || 443 };
      reach.connect({ ...to, signal: AbortSignal.timeout(withinMs), withinMs }, secureBy(connector, target)).then(
        (socket) => finish(null, socket),
        (error: Error) => finish(error, null),
      );
    },
  });
}

type Connector = buildConnectorType.connector;
type Target = Parameters<Connector>[0];

const secureBy =
  (connector: Connector, target: Target): Secure<Socket> =>
  (raw, signal) =>
    new Promise((resolve, reject) => {
      const onAbort = () => {
        raw.destroy();
        reject(signal.reason);
      };
      if (signal.aborted) return onAbort();
      signal.addEventListener('abort', onAbort, { once: true });
      connector({ ...target, httpSocket: raw }, (...[error, socket]) => {
        signal.removeEventListener('abort', onAbort);
        if (error === null && socket !== null) return resolve(socket);
        raw.destroy();
        reject(error ?? new Error('no connection'));
      });
    });

/** HTTP over a Unix socket: the admin API on the controller's host (P6). Use with an `http:` origin. */
export function makeUnixDispatcher(socketPath: string, options: DispatcherOptions = {}): AgentType {
  const { connections = 4, connectTimeoutMs = 5 * second, keepAliveMs = 4 * second } = options;
  return new Agent({
    connections,
    pipelining: 1,
    keepAliveTimeout: keepAliveMs,
    connect: { socketPath, timeout: connectTimeoutMs },
  });
}

function lapseAtLeafEnd(socket: TLSSocket): void {
  const leaf = socket.getPeerX509Certificate?.();
  if (leaf !== undefined) lapseConnection(socket, Date.parse(leaf.validTo), systemClock);
}
