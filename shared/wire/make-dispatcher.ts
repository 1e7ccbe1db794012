/** The pooled HTTP/1.1 connections under `callContract`. */
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
      const source = options.knock?.();
      if (source === undefined) connector(target, finish);
      else throughDoor(source, connector, target, { timeoutMs: timeout, again: true, done: finish });
    },
  });
}

type Connector = buildConnectorType.connector;

interface Through {
  readonly timeoutMs: number;
  /** A door that was killed takes the second knock. */
  readonly again: boolean;
  readonly done: Parameters<Connector>[1];
}

function throughDoor(
  source: KnockSource,
  connector: Connector,
  target: Parameters<Connector>[0],
  through: Through,
): void {
  const { timeoutMs, again, done } = through;
  const { hostname, port } = target;
  const signal = AbortSignal.timeout(timeoutMs);
  dialThrough(source, { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) || 443, signal }).then(
    (raw) =>
      connector({ ...target, httpSocket: raw }, (...[error, socket]) => {
        if (error === null) return done(error, socket);
        raw.destroy();
        const wasSilent = isSilence(error);
        if (wasSilent) source.silence();
        if (wasSilent && again) throughDoor(source, connector, target, { ...through, again: false });
        else done(error, null);
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
