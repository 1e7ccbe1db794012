/** An agent's DNS server and nothing else, as a process that can be killed: `serve-dns.ts ZONE PORT HOST...`. */
import { systemClock } from '#shared/base/clock.ts';
import { createLog } from '#shared/base/log.ts';
import { systemOwnerParts } from '../../client-agent/from-apps/owner-check.ts';
import { startDns } from '../../client-agent/names/start-dns.ts';
import { createWhoAsks } from '../../client-agent/names/who-asks.ts';

const [zone = '', port = '', ...hosts] = process.argv.slice(2);
const apps = hosts.map((host) => ({
  id: host.split('.')[0]!,
  name: host,
  kind: 'http' as const,
  hosts: [host],
  usable: true,
  fixes: [],
}));
await startDns({
  config: { zones: [zone], address: '127.0.0.1', port: Number(port), forwardTo: [] },
  apps: () => apps,
  addressOf: () => '127.0.0.1',
  whoAsks: createWhoAsks(systemOwnerParts()),
  clock: systemClock,
  log: createLog('dns', 'info'),
});
console.log('ready');
