/**
 * Whether the app can be reached without a gateway, told from the one other place there is: the controller's host. Only the
 * upstream's own port, and only addresses that a gateway has found for it.
 */
import { BlockList, connect, isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { plainAddress } from '#shared/base/plain-address.ts';
import type { App } from '#shared/contracts/app.ts';
import type { AroundGateway } from '#shared/contracts/app-check.ts';

const patienceMs = 2000;
const maxAddresses = 4;

/** Each host has these for itself: what answers there is another app than the gateway's. */
const local = new BlockList();
local.addSubnet('127.0.0.0', 8, 'ipv4');
local.addSubnet('169.254.0.0', 16, 'ipv4');
local.addSubnet('0.0.0.0', 8, 'ipv4');
local.addSubnet('224.0.0.0', 3, 'ipv4');
local.addAddress('::1', 'ipv6');
local.addAddress('::', 'ipv6');
local.addSubnet('fe80::', 10, 'ipv6');
local.addSubnet('ff00::', 8, 'ipv6');

const familyOf = (address: string) => (isIP(address) === 6 ? 'ipv6' : 'ipv4');
/** Loopback, link-local and the like: no other host can dial it. */
export function isHostLocal(address: string): boolean {
  const plain = plainAddress(address);
  return local.check(plain, familyOf(plain));
}

export function isThisHost(address: string | undefined): boolean {
  if (address === undefined) return false;
  const plain = plainAddress(address);
  const own = Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map((one) => one.address));
  return isIP(plain) !== 0 && (isHostLocal(plain) || own.includes(plain));
}

export interface Around {
  /** What the upstream stands for at the gateways. */
  readonly addresses: readonly string[];
  /** A gateway runs on this host, which therefore must reach the app. */
  readonly isHere: boolean;
}

export async function tryAround(app: App, { addresses, isHere }: Around): Promise<AroundGateway> {
  const known = addresses.map(plainAddress).filter((address) => isIP(address) !== 0);
  const far = known.filter((address) => !isHostLocal(address)).slice(0, maxAddresses);
  if (known.length === 0) return { result: 'not-tested', told: 'no gateway has found an address of the app' };
  if (far.length === 0) {
    const told = "the upstream is on the gateway's own host, at an address that no other host can dial";
    return {
      result: 'closed',
      told,
      advice: 'the app must not listen on other addresses as well; on its host: ss -ltn',
    };
  }
  if (isHere)
    return { result: 'not-tested', told: 'the controller is on the host of a gateway, which must reach the app' };
  const port = portOf(app);
  const tried = await Promise.all(far.map(async (address) => ({ address, answer: await dial(address, port) })));
  const open = tried.filter(({ answer }) => answer === 'open').map(({ address }) => address);
  if (open.length === 0) {
    const how = tried.map(({ address, answer }) => `${address} port ${port}: ${answer}`).join(', ');
    return { result: 'closed', told: `this host cannot connect to the app (${how})` };
  }
  return {
    result: 'open',
    told: `still reachable directly from this host: ${open.join(', ')} port ${port}`,
    advice: "close it in the firewall of the app's host: let in the gateways and nobody else",
  };
}

function portOf(app: App): number {
  const url = new URL(app.kind === 'http' ? app.upstream : `tcp://${app.upstream}`);
  return Number(url.port || (url.protocol === 'https:' ? 443 : 80));
}

function dial(host: string, port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const done = (answer: string) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    const timer = setTimeout(() => done('no answer'), patienceMs);
    socket.once('connect', () => done('open'));
    socket.once('error', ({ code = 'refused' }: NodeJS.ErrnoException) => done(code));
  });
}
