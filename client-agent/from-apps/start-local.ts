/** What wiring starts as the local side: the portal, and everything that listens on loopback. */
import type { LocalParts, LocalSide } from '../agent-api.ts';
import type { AgentConfig } from '../config.ts';
import { createPortal } from '../portal/portal.ts';
import { startLocalSide } from './start-local-side.ts';

export async function startLocal({
  agent,
  config,
  directory,
  clock,
  log,
}: LocalParts<AgentConfig>): Promise<LocalSide> {
  let port = config.local.portal;
  const portal = createPortal({ agent, port: () => port, directory, clock, log });
  const side = await startLocalSide({ agent, config: config.local, directory, portal: portal.handle, clock, log });
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
