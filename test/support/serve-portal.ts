/** The portal on a port of its own, without the cookie and socket checks of from-apps in front of it. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { silentLog } from '#shared/base/log.ts';
import type { Agent } from '../../client-agent/agent-api.ts';
import { createPortal } from '../../client-agent/portal/portal.ts';

export interface ServedPortal {
  readonly port: number;
  readonly origin: string;
  stop(): Promise<void>;
}

export async function servePortal(agent: Agent, port = 0): Promise<ServedPortal> {
  let at = 0;
  const portal = createPortal({ agent, port: () => at, log: silentLog, clock: { now: () => Date.now() } });
  const server = createServer(portal.handle);
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  at = (server.address() as AddressInfo).port;
  return {
    port: at,
    origin: `http://postern.localhost:${at}`,
    async stop() {
      await portal.stop();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
