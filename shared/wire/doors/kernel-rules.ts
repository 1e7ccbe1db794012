/**
 * The kernel door as text for nft (P27, P28): one table of our own, which drops what wants to begin a connection to a protected
 * port unless its source has knocked. Pure.
 *
 * - An accept ends only our own chain: the host's other tables judge afterwards as they would without us, and a drop of theirs
 *   stands. What is for other ports passes untouched.
 * - Connections that run pass by the kernel's own record of them; a segment out of nowhere is not one of those.
 * - Loopback passes: whoever is on this host sees what listens anyway, and only the prelude door tells its users apart.
 * - Knocks are limited by source, IPv6 by /64. Where the set of sources is full, a source beyond it is not limited: refusing it
 *   would let a flood of invented sources keep the good out. The listener has bounds of its own.
 * - When nobody listens for knocks any more, no ICMP error says so.
 * - On trial the protected ports are a set whose members the kernel itself forgets in time: whatever becomes of us, the door is gone then.
 */
import { isIPv4, isIPv6 } from 'node:net';
import { PosternError } from '../../base/errors.ts';
import { plainAddress } from '../../base/plain-address.ts';
import { maxKnockBytes } from '../../contracts/knock.ts';

export interface DoorName {
  /** `shared`: of a port that a controller and a gateway of one host share; both hold the same table, and each lets in who knocked at it. */
  readonly role: 'controller' | 'gateway' | 'shared';
  /** The first of the protected ports: two processes on one host differ in it, in their role, or in their address. */
  readonly port: number;
  /** What is listened on. Of one address alone nothing else of the host is touched; anything else is all of them. */
  readonly host?: string | undefined;
}

export interface KernelRules extends DoorName {
  /** TCP ports that answer nobody who has not knocked. */
  readonly ports: readonly number[];
  /** UDP. None in a table that is shared, as each has its own for those. */
  readonly knockPorts: readonly number[];
  /** How long a source may begin connections after its knock: 10 to 30. */
  readonly openSeconds: number;
  /** Of one source: more are dropped. */
  readonly knocksPerSecond?: number;
}

/** Of a table that is shared: the same for both, whatever is set. */
const sharedOpenSeconds = 20;

/** The table for a port that is shared. */
export const sharedRules = (port: number, host: string): KernelRules => ({
  role: 'shared',
  port,
  host,
  ports: [port],
  knockPorts: [],
  openSeconds: sharedOpenSeconds,
});

const udpHeaderBytes = 8;
const maxSources = 65_536;

/** In family `inet`. */
export function tableOf({ role, port, host }: DoorName): string {
  const address = ownAddress(host)?.address.replaceAll(/[.:]/g, '_');
  return `postern_${role}_${toPort(port)}${address === undefined ? '' : `_${address}`}`;
}

/**
 * One line, one transaction: the table as it must be, in place of one that is there. No moment between is open. With
 * `trialSeconds` it drops for that long and no longer.
 */
export function rulesLine(rules: KernelRules, trialSeconds?: number): string {
  const { ports, knockPorts, openSeconds, knocksPerSecond = 20 } = rules;
  if (!(openSeconds >= 10 && openSeconds <= 30) || !Number.isInteger(openSeconds)) {
    throw new PosternError('invalid-config', 'a door is open for 10 to 30 whole seconds after a knock');
  }
  if (!Number.isInteger(knocksPerSecond) || knocksPerSecond < 1 || ports.length === 0) {
    throw new PosternError('invalid-config', 'a door protects at least one port and takes at least one knock a second');
  }
  const takesKnocks = rules.role !== 'shared';
  if (takesKnocks !== knockPorts.length > 0)
    throw new PosternError('invalid-config', 'a kernel door takes knocks at a UDP port');
  if (trialSeconds !== undefined && !(Number.isInteger(trialSeconds) && trialSeconds >= 1 && trialSeconds <= 86_400)) {
    throw new PosternError('invalid-config', 'a trial lasts from a second to a day');
  }
  const table = tableOf(rules);
  const limit = `limit rate over ${knocksPerSecond}/second burst ${2 * knocksPerSecond} packets`;
  const own = ownAddress(rules.host);
  const ours = own === undefined ? '' : `${own.family === 'ipv4' ? 'ip' : 'ip6'} daddr ${own.address} `;
  const guarded = trialSeconds === undefined ? portSet(ports) : '@guarded';
  const body = [
    ...(trialSeconds === undefined ? [] : [trialSet(ports, trialSeconds)]),
    ...['ipv4', 'ipv6'].flatMap((family) => [
      `set let_in_${family} { type ${family}_addr . inet_service; flags timeout; timeout ${openSeconds}s; size ${maxSources}; };`,
    ]),
    ...(takesKnocks ? ['ipv4', 'ipv6'] : []).map(
      (family) =>
        `set knockers_${family} { type ${family}_addr; flags dynamic,timeout; timeout 10s; size ${maxSources}; };`,
    ),
    chain('door', [
      'ct state established accept',
      `ip saddr . tcp dport @let_in_ipv4 tcp flags & (syn | ack | rst | fin) == syn accept`,
      `ip6 saddr . tcp dport @let_in_ipv6 tcp flags & (syn | ack | rst | fin) == syn accept`,
      'drop',
    ]),
    ...(takesKnocks ? [knockChain(limit)] : []),
    chain('arriving', [
      'type filter hook input priority filter - 10',
      'policy accept',
      'iif "lo" accept',
      `${ours}tcp dport ${guarded} jump door`,
      ...(takesKnocks ? [`${ours}udp dport ${portSet(knockPorts)} jump knocks`] : []),
    ]),
    ...(takesKnocks ? [leavingChain(knockPorts)] : []),
  ];
  return `${removalLine(rules)}; table inet ${table} { ${body.join(' ')} }`;
}

/** Also right when there is no such table. */
export const removalLine = (name: DoorName): string =>
  `add table inet ${tableOf(name)}; delete table inet ${tableOf(name)}`;

/** Lets a source begin connections to a port, from now on for the whole time again. Throws on what is no address. */
export function letInLine(name: DoorName, source: string, port: number): string {
  const address = plainAddress(source);
  const family = isIPv4(address) ? 'ipv4' : isIPv6(address) ? 'ipv6' : undefined;
  if (family === undefined) throw new PosternError('bad-request', 'the source to let in is no address');
  const element = `element inet ${tableOf(name)} let_in_${family} { ${address} . ${toPort(port)} }`;
  // What is there already would keep its old end.
  return `add ${element}; delete ${element}; add ${element}`;
}

/** Takes that back before its time; also right when it was over. */
export function shutOutLine(name: DoorName, source: string, port: number): string {
  const [add] = letInLine(name, source, port).split('; ');
  return `${add}; ${add!.replace(/^add/, 'delete')}`;
}

export const listLine = (name: DoorName): string => `list table inet ${tableOf(name)}`;

const knockChain = (limit: string): string =>
  chain('knocks', [
    `udp length > ${udpHeaderBytes + maxKnockBytes} drop`,
    `update @knockers_ipv4 { ip saddr ${limit} } drop`,
    `update @knockers_ipv6 { ip6 saddr and ffff:ffff:ffff:ffff:: ${limit} } drop`,
    'accept',
  ]);

const leavingChain = (knockPorts: readonly number[]): string =>
  chain('leaving', [
    'type filter hook output priority filter - 10',
    'policy accept',
    ...['icmp', 'ipv6-icmp'].map(
      (protocol) => `meta l4proto ${protocol} ct direction reply ct original proto-dst ${portSet(knockPorts)} drop`,
    ),
  ]);

const chain = (name: string, rules: readonly string[]): string =>
  `chain ${name} { ${rules.map((rule) => `${rule};`).join(' ')} };`;

const portSet = (ports: readonly number[]): string => `{ ${ports.map(toPort).join(', ')} }`;

function trialSet(ports: readonly number[], seconds: number): string {
  const elements = ports.map((port) => `${toPort(port)} timeout ${seconds}s`).join(', ');
  return `set guarded { type inet_service; flags timeout; elements = { ${elements} }; };`;
}

/** The one address that is listened on; undefined for all of them. */
function ownAddress(host = ''): { readonly family: 'ipv4' | 'ipv6'; readonly address: string } | undefined {
  const address = plainAddress(host);
  if (address === '0.0.0.0' || address === '::') return undefined;
  return isIPv4(address) ? { family: 'ipv4', address } : isIPv6(address) ? { family: 'ipv6', address } : undefined;
}

function toPort(port: number): number {
  if (Number.isInteger(port) && port > 0 && port <= 65_535) return port;
  throw new PosternError('invalid-config', 'a kernel door wants the numbers of its ports');
}
