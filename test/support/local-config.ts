/** The agent's `local` configuration of tests: any port for the portal, everything else off unless told. */
import type { AgentConfig } from '../../client-agent/config.ts';

export const localConfig = (more: Partial<AgentConfig['local']> = {}): AgentConfig['local'] => ({
  portal: 0,
  socks: 0,
  tcp: {},
  clientAddresses: [],
  dns: { zones: [], address: '127.0.0.1', port: 0, forwardTo: [] },
  realNames: false,
  trustLoopback: false,
  ...more,
});
