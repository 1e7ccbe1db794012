/** One HTTPS listener of the controller, with the certificate of the moment; renewals are swapped in live. */
import type { Server } from 'node:https';
import type { FastifyInstance } from 'fastify';
import type { Log } from '#shared/base/log.ts';
import { createEdgeApp } from '#shared/wire/edge-app.ts';
import { listenTcp, type TcpPlace } from '#shared/wire/listen.ts';
import { serverTlsOptions, swapTls } from '#shared/wire/mutual-tls.ts';
import type { Authority } from '../authority/open-authority.ts';
import type { ControllerDoor } from './controller-door.ts';

export interface ListenOptions {
  readonly authority: Authority;
  readonly log: Log;
  /** Ask for and verify a client certificate; the caller then also guards the server. */
  readonly mutual: boolean;
  /** In front of it, if anything is. */
  readonly door?: ControllerDoor | undefined;
}

export interface HttpsListener {
  readonly app: FastifyInstance;
  readonly server: Server;
  /** Returns the port that it listens on; throws as `listenTcp`. */
  listen(at: TcpPlace): Promise<number>;
  /** Cuts every connection. */
  stop(): Promise<void>;
}

export function makeListener({ authority, log, mutual, door }: ListenOptions): HttpsListener {
  const tls = () => serverTlsOptions({ ...authority.ownCertificate(), mutual });
  const app = createEdgeApp({ log, tls: tls() });
  const server = app.server as unknown as Server;
  const forget = authority.onChange(() => swapTls(server, tls()));
  return {
    app,
    server,
    async listen(at) {
      // Last, when all that listens for connections does.
      door?.guard(server, mutual ? 'mutual' : 'bootstrap');
      return (await listenTcp(app, at)).port;
    },
    async stop() {
      forget();
      await app.close();
    },
  };
}
