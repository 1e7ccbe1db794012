/** The pooled HTTP/1.1 connections under `callContract`. */
import type { Socket } from 'node:net';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import type { Agent as AgentType, buildConnector as buildConnectorType } from 'undici';
import { hour, second, systemClock } from '../base/clock.ts';
import { lapseConnection } from './connection-lapse.ts';
import { dialThrough, isSilence, type KnockSource } from './doors/dial-through.ts';
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
  /** Asked at every new connection: what comes before TLS, where the server hides (P28). */
  readonly knock?: (() => KnockSource | undefined) | undefined;
  /** A connection met silence: true when `knock` has another answer now, which is then tried once. */
  readonly turn?: (() => boolean) | undefined;
}

/**
 * `tls` is asked at every new connection, so a renewed certificate or bundle is used from the next one on. Each connection
 * ends with the server's certificate: long before, new requests go to new connections, so that none is caught by that end.
 * Close it with `close()` (waits for requests) or `destroy()`.
 */
export function makeDispatcher(tls: () => ConnectionOptions, options: DispatcherOptions = {}): AgentType {
  const { connections = 4, connectTimeoutMs = 5 * second, keepAliveMs = 30 * second, maxAgeMs = hour } = options;
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
      const dial: Dial = { connector, target, timeoutMs: timeout };
      // The same once more where it knocked, for a door that was killed and kept counters ahead; then the other way.
      const attempt = (source: KnockSource | undefined, left: 'again' | 'turn' | 'nothing'): void =>
        dialOnce(dial, source, (error, socket) => {
          if (error === null || !isSilence(error) || left === 'nothing')
            return finish(...([error, socket] as FinishArgs));
          if (left === 'again' && source !== undefined) return attempt(source, 'turn');
          if (options.turn?.() === true) return attempt(options.knock?.(), 'nothing');
          finish(error, null);
        });
      attempt(options.knock?.(), 'again');
    },
  });
}

type Connector = buildConnectorType.connector;
type FinishArgs = Parameters<Parameters<Connector>[1]>;
type Done = (error: Error | null, socket: Socket | null) => void;

interface Dial {
  readonly connector: Connector;
  readonly target: Parameters<Connector>[0];
  readonly timeoutMs: number;
}

function dialOnce({ connector, target, timeoutMs }: Dial, source: KnockSource | undefined, done: Done): void {
  if (source === undefined) {
    connector(target, done as Parameters<Connector>[1]);
    return;
  }
  const { hostname, port } = target;
  const signal = AbortSignal.timeout(timeoutMs);
  dialThrough(source, { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) || 443, signal }).then(
    (raw) =>
      connector({ ...target, httpSocket: raw }, (...[error, socket]) => {
        if (error !== null) {
          raw.destroy();
          if (isSilence(error)) source.silence();
        }
        done(error, socket);
      }),
    (error: Error) => done(error, null),
  );
}

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
