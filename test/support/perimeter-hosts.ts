/**
 * A small internet in namespaces, for tests of doors: real processes of controller, gateway and agents, each on a host of its own
 * (`namespace-host.ts`), and everything between them as it is out there.
 *
 *     outside 203.0.113.66, .67 --+
 *     controller 203.0.113.10 ----+-- net --- nat 203.0.113.99 | 100.64.0.1 -- cgn -- laptop 100.64.0.2
 *     gateway 203.0.113.20 -------+            (carrier NAT)                      +-- neighbour 100.64.0.3
 *        | 10.9.0.1 -- apps -- app 10.9.0.2:80
 *
 * Those on `net` have IPv6 too: 2001:db8::10 and so on, by the last number of their IPv4 address. How to use it:
 *
 *     t.test('...', perimeterNeeds('nft', 'tcpdump'), async (t) => {
 *       const world = await makePerimeter(t);                                   // hosts and networks
 *       const controller = await startController(world, { door: 'both' });      // perimeter-processes.ts: `init`, `run`; .admin, .stop()
 *       const gateway = await startGateway(world, controller, { door: 'both' });
 *       const agent = await startAgent(world, controller, 'laptop', 'emma');    // enrolled, signed in; .control, .curl('/')
 *       const capture = await startCapture(world, 'controller', 'src host 203.0.113.10');   // capture.ts: .lines, .stop()
 *       await world.outside.run('nmap ...');
 *
 * Everything ends with the test. A host's `dir` is shared with the test; a process's state is in `dir/state`.
 */
import type { Test } from 'tap';
import { privateDir } from './journey-tools.ts';
import { connectHosts, makeHost, mustRun, type NamespaceHost, namespacesNeed } from './namespace-host.ts';

export const perimeterHosts = ['controller', 'gateway', 'app', 'outside', 'nat', 'laptop', 'neighbour'] as const;
export type HostName = (typeof perimeterHosts)[number];

export interface Perimeter extends Readonly<Record<HostName, NamespaceHost>> {
  readonly t: Test;
}

export const addresses = {
  controller: { ipv4: '203.0.113.10', ipv6: '2001:db8::10' },
  gateway: { ipv4: '203.0.113.20', ipv6: '2001:db8::20' },
  outside: { ipv4: '203.0.113.66', ipv6: '2001:db8::66' },
  /** A second source on the same host. */
  other: { ipv4: '203.0.113.67', ipv6: '2001:db8:0:1::67' },
  nat: { ipv4: '203.0.113.99', ipv6: '2001:db8::99' },
} as const;

/** Where the app answers. */
export const appAddress = '10.9.0.2:80';

export const perimeterNeeds = (...programs: readonly string[]) => namespacesNeed('nft', ...programs);

export async function makePerimeter(t: Test): Promise<Perimeter> {
  const place = privateDir(t, 'perimeter');
  const made = await Promise.all(
    [...perimeterHosts, 'wires' as const].map(async (name) => [name, await makeHost(t, name, place)] as const),
  );
  const hosts = Object.fromEntries(made) as Record<HostName | 'wires', NamespaceHost>;
  const { wires, controller, gateway, app, outside, nat, laptop, neighbour } = hosts;
  const onNet = { controller, gateway, outside, nat };
  await connectHosts(
    wires,
    'net',
    Object.entries(onNet).map(([name, host]) => [host, `${addresses[name as keyof typeof onNet].ipv4}/24`] as const),
  );
  await connectHosts(wires, 'cgn', [
    [nat, '100.64.0.1/24'],
    [laptop, '100.64.0.2/24'],
    [neighbour, '100.64.0.3/24'],
  ]);
  await connectHosts(wires, 'apps', [
    [gateway, '10.9.0.1/24'],
    [app, '10.9.0.2/24'],
  ]);
  const six = (host: NamespaceHost, ...all: readonly string[]) =>
    mustRun(host, all.map((address) => `ip address add ${address}/48 dev net nodad`).join(' && '));
  await Promise.all([
    ...Object.entries(onNet).map(([name, host]) => six(host, addresses[name as keyof typeof onNet].ipv6)),
    mustRun(outside, `ip address add ${addresses.other.ipv4}/24 dev net`),
    six(outside, addresses.other.ipv6),
    mustRun(laptop, 'ip route add default via 100.64.0.1'),
    mustRun(neighbour, 'ip route add default via 100.64.0.1'),
    mustRun(
      nat,
      `echo 1 >/proc/sys/net/ipv4/ip_forward && nft -f - <<'NFT'
table ip carrier { chain out { type nat hook postrouting priority 100; oifname "net" masquerade; }; }
NFT`,
    ),
  ]);
  return { t, ...hosts };
}
