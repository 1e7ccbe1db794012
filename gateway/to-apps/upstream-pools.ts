/** One undici pool per HTTP app, replaced when the app's upstream changes; the old one ends with its last request. */
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { buildConnector, Pool } from 'undici';
import { equalSecret } from '#shared/base/bytes.ts';
import { second } from '#shared/base/clock.ts';
import { PosternError } from '#shared/base/errors.ts';
import type { Log } from '#shared/base/log.ts';
import type { App, HttpApp } from '#shared/contracts/app.ts';
import { spkiFingerprint } from '#shared/crypto/keys.ts';
import { originServerName } from '#shared/wire/forward-headers.ts';
import { hearOut } from '#shared/wire/hear-out.ts';

export interface Upstream {
  readonly pool: Pool;
  readonly origin: string;
  readonly servername: string | undefined;
}

export const defaultConnectMs = 10 * second;
/** Sockets to one app; a stream holds one for as long as it runs. */
const maxConnections = 4096;

export class UpstreamPools {
  readonly #log: Log;
  readonly #pools = new Map<string, Upstream & { readonly key: string }>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** The upstream of `app` as it is configured now. */
  of(app: HttpApp): Upstream {
    const key = JSON.stringify([app.upstream, app.tls ?? null, app.limits?.connectMs ?? null]);
    const known = this.#pools.get(app.id);
    if (known?.key === key) return known;
    const made = { ...makeUpstream(app), key };
    this.#pools.set(app.id, made);
    if (known !== undefined) this.#retire(app.id, known.pool);
    return made;
  }

  /** Closes the pools of apps that are no longer there. */
  keepOnly(apps: ReadonlyMap<string, App>): void {
    for (const [id, { pool }] of this.#pools) {
      if (apps.get(id)?.kind === 'http') continue;
      this.#pools.delete(id);
      this.#retire(id, pool);
    }
  }

  async stop(): Promise<void> {
    const pools = [...this.#pools.values()];
    this.#pools.clear();
    await Promise.all(pools.map(({ pool }) => pool.destroy()));
  }

  #retire(app: string, pool: Pool): void {
    pool.close().catch((error: unknown) => this.#log.warn({ err: error, app }, 'a retired pool did not close'));
  }
}

function makeUpstream(app: HttpApp): Upstream {
  const timeout = app.limits?.connectMs ?? defaultConnectMs;
  const servername = app.tls?.serverName ?? originServerName(app.upstream);
  const pool = new Pool(app.upstream, {
    connections: maxConnections,
    pipelining: 1,
    connect: connectorFor(app, timeout),
    // The forwarder has its own timers; a body may be silent for hours.
    headersTimeout: 0,
    bodyTimeout: 0,
    allowH2: false,
  });
  return { pool, origin: app.upstream, servername };
}

function connectorFor({ tls }: HttpApp, timeout: number): buildConnector.connector {
  const pin = tls?.pin;
  const connect = buildConnector({
    timeout,
    allowH2: false,
    // A resumed session would not present the certificate that the pin is held against.
    maxCachedSessions: pin === undefined ? 100 : 0,
    ...(tls?.ca === undefined ? {} : { ca: tls.ca }),
    // With a pin the key is the trust, whoever has signed it.
    ...(pin === undefined ? {} : { rejectUnauthorized: false }),
  });
  return (options, done) =>
    connect(options, (...result) => {
      const socket: Socket | TLSSocket | null = result[1];
      if (result[0] !== null || socket === null) return done(...result);
      if (pin === undefined || isPinned(socket, pin)) return done(null, hearOut(socket));
      socket.on('error', () => {});
      socket.destroy();
      done(new PosternError('app-unreachable', 'the key of the upstream is not the pinned one'), null);
    });
}

function isPinned(socket: Socket | TLSSocket, pin: string): boolean {
  const leaf = 'getPeerX509Certificate' in socket ? socket.getPeerX509Certificate() : undefined;
  return leaf !== undefined && equalSecret(spkiFingerprint(leaf), pin);
}
