/** Which network this machine is in now: told from its routes and addresses, so that another one is known for another. */
import { readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { sha256 } from '#shared/base/bytes.ts';

export interface NetworkNow {
  /** The same whenever the machine comes back to the same network, whatever address it is given there. Tells nobody else anything. */
  readonly id: string;
  /** All of this machine's own. */
  readonly addresses: readonly string[];
}

export interface NetworkSources {
  readonly interfaces: () => ReturnType<typeof networkInterfaces>;
  /** Undefined where there is no such file. */
  readonly readFile: (path: string) => string | undefined;
}

const system: NetworkSources = {
  interfaces: networkInterfaces,
  readFile(path) {
    try {
      return readFileSync(path, 'utf8');
    } catch {
      return undefined;
    }
  },
};

export function networkNow({ interfaces, readFile }: NetworkSources = system): NetworkNow {
  const all = Object.entries(interfaces()).flatMap(([name, list]) => (list ?? []).map((one) => ({ name, ...one })));
  const gateways = [...gatewaysV4(readFile('/proc/net/route')), ...gatewaysV6(readFile('/proc/net/ipv6_route'))];
  const outward = new Set(gateways.map(({ name }) => name));
  // Bridges of containers come and go: where routes are known, only the interfaces that they lead out by count.
  const nets = all
    .filter(({ name, internal, family }) => !internal && family === 'IPv4' && (outward.size === 0 || outward.has(name)))
    .map(({ name, address, netmask }) => `${name} ${networkOf(address, netmask)}`);
  const ways = gateways.map(({ name, gateway }) => `${name} via ${gateway}`);
  const told = [...new Set([...ways, ...nets])].sort().join('\n');
  return { id: sha256(Buffer.from(told)).toString('hex').slice(0, 16), addresses: all.map(({ address }) => address) };
}

/** `Iface Destination Gateway Flags RefCnt Use Metric Mask ...`, numbers in hexadecimal. */
function gatewaysV4(text = ''): { name: string; gateway: string }[] {
  return rowsOf(text).flatMap(([name = '', to, gateway = '', , , , , mask]) =>
    to === '00000000' && mask === '00000000' ? [{ name, gateway }] : [],
  );
}

/** `destination length source length next-hop metric refs use flags name`. `lo` holds the one that refuses. */
function gatewaysV6(text = ''): { name: string; gateway: string }[] {
  return rowsOf(text).flatMap(([to = '', length, , , gateway = '', , , , , name = '']) =>
    /^0+$/.test(to) && length === '00' && name !== 'lo' ? [{ name, gateway }] : [],
  );
}

const rowsOf = (text: string): string[][] => text.split('\n').map((line) => line.trim().split(/\s+/));

function networkOf(address: string, netmask: string): string {
  const mask = netmask.split('.').map(Number);
  return address
    .split('.')
    .map((byte, at) => Number(byte) & (mask[at] ?? 0))
    .join('.');
}
