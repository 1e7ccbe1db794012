/**
 * The services listener (P28): what outsiders must read, apart from every door, off unless it is switched on. Strangers reach
 * it, so that it has bounds for each source and for all, and answers nothing but what is mounted on it.
 */
import type { Server } from 'node:https';
import type { FastifyInstance } from 'fastify';
import { second } from '#shared/base/clock.ts';
import { asPosternError } from '#shared/base/errors.ts';
import type { Log } from '#shared/base/log.ts';
import { createEdgeApp } from '#shared/wire/edge-app.ts';
import { listenTcp, type TcpPlace } from '#shared/wire/listen.ts';
import { swapTls } from '#shared/wire/mutual-tls.ts';
import type { Authority } from '../authority/open-authority.ts';
import {
  type CertificateFiles,
  type LeastTls,
  ownServicesCertificate,
  readServicesCertificate,
} from '../authority/services-certificate.ts';
import { limitSources } from '../from-agents/limit-sources.ts';

export interface ServicesOptions {
  readonly authority: Authority;
  readonly log: Log;
  /** Undefined: the controller's own certificate. */
  readonly files: CertificateFiles | undefined;
  readonly leastTls: LeastTls;
  /** How often the files are looked at. */
  readonly lookMs?: number;
}

export interface ServicesListener {
  readonly app: FastifyInstance;
  /** Returns the port that it listens on; throws as `listenTcp`. */
  listen(at: TcpPlace): Promise<number>;
  certificateEndsAt(): number;
  stop(): Promise<void>;
}

/** A gateway of APIs asks over many connections from one address. */
const limits = { perSource: 512, total: 2048 };
const maxHeaderSize = 16 * 1024;
const headersTimeout = 10 * second;
const requestTimeout = 30 * second;
const usualLookMs = 10 * second;

/** Not listening yet, and nothing mounted. Throws `invalid-config` for a certificate that cannot be used. */
export function makeServicesListener(options: ServicesOptions): ServicesListener {
  const { authority, log, files, leastTls } = options;
  const current = () =>
    files === undefined ? ownServicesCertificate(authority, leastTls) : readServicesCertificate(files, leastTls);
  let used = current();
  const app = createEdgeApp({ log, tls: { ...used.tls, maxHeaderSize } as typeof used.tls });
  const server = app.server as unknown as Server;
  server.headersTimeout = headersTimeout;
  server.requestTimeout = requestTimeout;
  limitSources(server, limits);

  let complaint = '';
  const look = () => {
    try {
      const next = current();
      complaint = '';
      if (next.text === used.text) return;
      swapTls(server, next.tls);
      used = next;
      log.info({ endsAt: new Date(next.endsAt).toISOString() }, 'the services listener has another certificate');
    } catch (error) {
      const { message } = asPosternError(error);
      if (message !== complaint) log.error({ err: error }, 'the certificate of the services listener stays as it was');
      complaint = message;
    }
  };
  const forget = files === undefined ? authority.onChange(look) : () => {};
  const timer = files === undefined ? undefined : setInterval(look, options.lookMs ?? usualLookMs).unref();
  return {
    app,
    listen: async (at) => (await listenTcp(app, at)).port,
    certificateEndsAt: () => used.endsAt,
    async stop() {
      clearInterval(timer);
      forget();
      await app.close();
    },
  };
}
