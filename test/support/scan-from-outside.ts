/** A whole scan of gateway and controller from outside, and what left them meanwhile, for tests of what outsiders see (P28). */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Capture, startCapture } from './capture.ts';
import { mustRun } from './namespace-host.ts';
import { addresses, type Perimeter } from './perimeter-hosts.ts';
import { root } from './source-tree.ts';

export const targets = ['controller', 'gateway'] as const;
const doors = { controller: [8442, 8443], gateway: [8444] } as const;
/** Every port once, no port twice: a packet lost is a port not seen, which the knock at the end would show. */
export const scan = (family: 'ipv4' | 'ipv6') =>
  `nmap -n -Pn ${family === 'ipv6' ? '-6' : ''} -sS -sU -p- --max-retries 0 --min-rate 30000 --max-rate 60000 --host-timeout 60s ${targets
    .map((name) => addresses[name][family])
    .join(' ')}`;

export const whatever = 'tcp or udp or icmp or (icmp6 and ip6[40] < 128)';
/** Closed ports refuse by the ten thousand: of those some at both ends; all that is more than a refusal. */
export const noRefusals = [
  'udp or (ip6 and not icmp6)',
  'tcp[tcpflags] & tcp-rst == 0',
  '(ip and ip[2:2] - ((ip[0] & 0xf) << 2) - ((tcp[12] & 0xf0) >> 2) > 0)',
  'src portrange 1-50 or src portrange 65500-65535',
].join(' or ');

/** What left each host for those outside: not what the two say to each other. */
export async function watch(world: Perimeter, what: string): Promise<Record<(typeof targets)[number], Capture>> {
  const { outside, other } = addresses;
  const strangers = [outside.ipv4, outside.ipv6, other.ipv4, other.ipv6].map((address) => `dst host ${address}`);
  const filter = `(${strangers.join(' or ')}) and (${what})`;
  const [controller, gateway] = await Promise.all(
    targets.map((name) => startCapture(world.t, world[name], { filter })),
  );
  return { controller: controller!, gateway: gateway! };
}

export const throwAll = (world: Perimeter) =>
  Promise.all((['ipv4', 'ipv6'] as const).map(async (family) => (await throwAt(world, family)).trim()));

const throwAt = (world: Perimeter, family: 'ipv4' | 'ipv6') => {
  const places = targets.flatMap((name) => doors[name].map((port) => `'${addresses[name][family]} ${port}'`));
  return mustRun(
    world.outside,
    `${process.execPath} ${join(root, 'test/support/stranger-child.ts')} ${places.join(' ')}`,
  );
};

/** By the example that we deliver, with this host's own ports. */
export async function closeHost(world: Perimeter, name: (typeof targets)[number]): Promise<void> {
  const example = readFileSync(join(root, 'deploy/nftables/closed-host.nft'), 'utf8');
  const rules =
    name === 'controller' ? example : example.replace('{ 8442, 8443 }', '{ 8444 }').replace('{ 62201 }', '{ 62202 }');
  await mustRun(world[name], 'nft -f -', { input: rules });
}

/** Packets that have come to this host. */
export async function received(world: Perimeter, name: (typeof targets)[number]): Promise<number> {
  const [{ stats64 }] = JSON.parse(await mustRun(world[name], 'ip -s -j link show net')) as [
    { stats64: { rx: { packets: number } } },
  ];
  return stats64.rx.packets;
}

/** Bytes of payload in a line of tcpdump's. */
export const payloadOf = (line: string): number => Number(/length (\d+)/.exec(line)?.[1] ?? 0);
