/**
 * P30 on macOS, which has no table of sockets that a program may read: `lsof` shows each user the sockets of that user's own
 * processes. Written to the field output that lsof(8) documents and tried with lsof 4.95 on Linux; not yet run on a Mac.
 */
import { execFile } from 'node:child_process';
import { isIPv6 } from 'node:net';
import { second } from '#shared/base/clock.ts';
import { plainAddress } from '#shared/base/plain-address.ts';
import type { ConnectionEnds, OwnerCheck, OwnerCheckParts } from './owner-check.ts';
import { SharedReads } from './shared-reads.ts';

/** Where macOS has it: never one that a path leads to. */
const lsof = '/usr/sbin/lsof';

export function createLsofCheck({ listSockets, isHere }: Pick<OwnerCheckParts, 'listSockets' | 'isHere'>): OwnerCheck {
  const lists = new SharedReads(listSockets);
  return async (ends) => {
    if (!isHere(ends.remoteAddress ?? '')) return 'unprovable';
    return judgeSockets(await lists.read(String(ends.localPort)), ends);
  };
}

/**
 * Our own end is one of this user's sockets: where even that is not shown, nothing was told. Where it is, a client's end that
 * is not shown is somebody else's, or of a program that is gone.
 */
export function judgeSockets(output: string, ends: ConnectionEnds): 'own' | 'other' | 'unprovable' {
  const near = endpoint(ends.localAddress, ends.localPort);
  const far = endpoint(ends.remoteAddress, ends.remotePort);
  if (near === undefined || far === undefined) return 'other';
  const names = new Set(output.split('\n'));
  if (!names.has(`n${near}->${far}`)) return 'unprovable';
  return names.has(`n${far}->${near}`) ? 'own' : 'other';
}

/** As lsof writes it, IPv6 in brackets; an IPv4 address of an IPv6 socket is written as the IPv4 address it is. */
function endpoint(address: string | undefined, port: number | undefined): string | undefined {
  if (address === undefined || port === undefined) return undefined;
  const plain = plainAddress(address);
  return `${isIPv6(plain) ? `[${plain}]` : plain}:${port}`;
}

/** Empty when it cannot be run. It ends with 1 when any part of what was asked for is not there, and still tells the rest. */
export function listSockets(port: string, uid: number | undefined, program = lsof): Promise<string> {
  const args = ['-nP', '-a', '-u', String(uid), `-iTCP:${port}`, '-Fn'];
  return new Promise((resolve) => {
    execFile(program, args, { timeout: 5 * second, maxBuffer: 8 * 1024 * 1024 }, (_error, stdout) => resolve(stdout));
  });
}
