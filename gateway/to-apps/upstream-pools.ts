/** The connections to each HTTP app; made anew when its upstream changes, while the old ones end with their last request. */
import { second } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import type { App, HttpApp } from '#shared/contracts/app.ts';
import { maxHeadBytes } from '#shared/wire/head-limits.ts';
import type { AppCredentials } from '../keystore/app-credentials.ts';
import { AppConnections } from './app-connections.ts';
import { greetingName, upstreamConnector } from './upstream-tls.ts';

export interface Upstream {
  readonly pool: AppConnections;
  readonly origin: string;
  readonly servername: string | undefined;
}

export const defaultConnectMs = 10 * second;
/** Sockets to one app; a stream holds one for as long as it runs. */
const maxConnections = 4096;

export class UpstreamPools {
  readonly #log: Log;
  readonly #credential: AppCredentials;
  readonly #pools = new Map<string, Upstream & { readonly key: string; app: HttpApp }>();

  constructor(log: Log, credential: AppCredentials) {
    this.#log = log;
    this.#credential = credential;
  }

  /** The upstream of `app` as it is configured now. */
  of(app: HttpApp): Upstream {
    const known = this.#pools.get(app.id);
    // A bundle of roots is not compared for each request.
    if (known?.app === app) return known;
    const { upstream, hosts, hostHeader, tls, limits } = app;
    const key = JSON.stringify([upstream, hosts[0], hostHeader, tls, limits?.connectMs]);
    if (known?.key === key) {
      known.app = app;
      return known;
    }
    const made = { ...makeUpstream(app, this.#credential), key, app };
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

  #retire(app: string, pool: AppConnections): void {
    pool.close().catch((error: unknown) => this.#log.warn({ err: error, app }, 'a retired pool did not close'));
  }
}

function makeUpstream(app: HttpApp, credential: AppCredentials): Upstream {
  const timeout = app.limits?.connectMs ?? defaultConnectMs;
  const servername = app.upstream.startsWith('https:') ? greetingName(app) : undefined;
  const options = {
    connect: upstreamConnector(app, { timeout, credential }),
    // The forwarder has its own timers; a body may be silent for hours.
    headersTimeout: 0,
    bodyTimeout: 0,
    maxHeaderSize: maxHeadBytes,
    allowH2: false,
  };
  const pool = new AppConnections(app.upstream, options, maxConnections);
  return { pool, origin: app.upstream, servername };
}
