/**
 * The portal: a person's own page on this device. from-apps has proven the socket's owner and the cookie
 * before it calls `handle` (P30). Fastify and the page are loaded at the first request: an idle agent stays small.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '#shared/base/clock.ts';
import { asPosternError } from '#shared/base/errors.ts';
import type { Stoppable } from '#shared/base/lifecycle.ts';
import type { Log } from '#shared/base/log.ts';
import type { Agent } from '../agent-api.ts';
import type { PortalApp } from './portal-app.ts';

export interface PortalOptions {
  readonly agent: Agent;
  /** Where the local side listens: for the portal's own origin and the links to apps. Asked at each request. */
  readonly port: () => number;
  /** Of the profile, for the commands that the page shows; the usual one unless told. */
  readonly directory?: string;
  readonly log: Log;
  readonly clock: Clock;
}

export interface Portal extends Stoppable {
  /** For requests whose Host is `postern.localhost:<port>`. Answers every one; never throws. */
  readonly handle: (request: IncomingMessage, response: ServerResponse) => void;
}

export function createPortal(options: PortalOptions): Portal {
  let app: Promise<PortalApp> | undefined;
  const load = async (): Promise<PortalApp> => {
    const { makePortalApp } = await import('./portal-app.ts');
    return await makePortalApp(options);
  };
  return {
    handle(request, response) {
      app ??= load();
      app.then(
        (ready) => ready.handle(request, response),
        (thrown) => {
          // The next request tries again.
          app = undefined;
          options.log.error({ err: asPosternError(thrown) }, 'the portal could not be started');
          if (!response.headersSent) response.writeHead(503, { 'content-type': 'text/plain' });
          response.end('The portal could not be started: see "postern logs".\n');
        },
      );
    },
    async stop() {
      const ready = await app?.catch(() => undefined);
      await ready?.stop();
    },
  };
}
