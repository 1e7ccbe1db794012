/** What wiring starts as the local side: the portal, and everything that listens on loopback. */
import type { LocalParts, LocalSide } from '../agent-api.ts';
import type { AgentConfig } from '../config.ts';
import { createPortal } from '../portal/portal.ts';
import { startLocalSide } from './start-local-side.ts';

export async function startLocal({
  agent,
  config,
  directory,
  clients,
  clock,
  log,
}: LocalParts<AgentConfig>): Promise<LocalSide> {
  let port = config.local.portal;
  const portal = createPortal({ agent, port: () => port, directory, clock, log });
  const parts = { agent, config: config.local, directory, clients, clock, log };
  const side = await startLocalSide({ ...parts, portal: portal.handle });
  port = side.ports.portal;
  return {
    addresses: side.addresses,
    openLink: side.openLink,
    async stop() {
      await side.stop();
      await portal.stop();
    },
  };
}
