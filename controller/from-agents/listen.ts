/** One HTTPS listener of the controller, with the certificate of the moment; renewals are swapped in live. */
import type { Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { PosternError } from '#shared/base/errors.ts';
import type { Log } from '#shared/base/log.ts';
import { createEdgeApp } from '#shared/wire/edge-app.ts';
import { serverTlsOptions, swapTls } from '#shared/wire/mutual-tls.ts';
import type { Authority } from '../authority/open-authority.ts';

export interface ListenOptions {
  readonly authority: Authority;
  readonly log: Log;
  /** Ask for and verify a client certificate; the caller then also guards the server. */
  readonly mutual: boolean;
}

export interface ListenAt {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
}

export interface HttpsListener {
  readonly app: FastifyInstance;
  readonly server: Server;
  /** Returns the port that it listens on. Throws `unavailable`. */
  listen(at: ListenAt): Promise<number>;
  /** Cuts every connection. */
  stop(): Promise<void>;
}

export function makeListener({ authority, log, mutual }: ListenOptions): HttpsListener {
  const tls = () => serverTlsOptions({ ...authority.ownCertificate(), mutual });
  const app = createEdgeApp({ log, tls: tls() });
  const server = app.server as unknown as Server;
  const forget = authority.onChange(() => swapTls(server, tls()));
  return {
    app,
    server,
    async listen({ host, port }) {
      try {
        await app.listen({ host, port });
      } catch (cause) {
        throw new PosternError('unavailable', `cannot listen on ${host}:${port}`, { cause });
      }
      return (server.address() as AddressInfo).port;
    },
    async stop() {
      forget();
      await app.close();
    },
  };
}
