/** What the carrier between the laptops and the net of `perimeter-hosts.ts` lets out, and an HTTP proxy in their network. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { untilItWorks } from '../../deploy/quickstart/clients.ts';
import { mustRun } from './namespace-host.ts';
import type { Perimeter } from './perimeter-hosts.ts';

/** What of the laptops' new connections the carrier lets out (`accept`, `meta l4proto udp drop`, `drop`); nothing else changes. */
export const carrier = (world: Perimeter, rule: string) =>
  mustRun(world.nat, 'nft -f -', {
    input: `table inet way {}
delete table inet way
table inet way { chain out { type filter hook forward priority 0; iifname "cgn" ct state new ${rule}; }; }`,
  });

const proxyPort = 8888;

/** tinyproxy, which connects to port 443 and to nothing else. `login`: `user:password` that it wants. Returns its URL, with that. */
export async function startProxy(world: Perimeter, login?: string): Promise<string> {
  const config = join(world.nat.dir, 'tinyproxy.conf');
  const auth = login === undefined ? '' : `BasicAuth ${login.replace(':', ' ')}\n`;
  writeFileSync(
    config,
    `Port ${proxyPort}\nListen 100.64.0.1\nTimeout 60\nMaxClients 50\n${auth}ConnectPort 443\nLogFile "${join(world.nat.dir, 'proxy.log')}"\n`,
  );
  const child = world.nat.start(`exec tinyproxy -d -c ${config}`);
  world.t.teardown(() => {
    child.kill('SIGKILL');
  });
  await untilItWorks(() => mustRun(world.nat, `bash -c '</dev/tcp/100.64.0.1/${proxyPort}'`), 20_000);
  return `http://${login === undefined ? '' : `${login}@`}100.64.0.1:${proxyPort}`;
}
