/**
 * P30: whether a local connection is this operating-system user's, told by the kernel before the first byte is used. A port
 * on loopback is open to every user of the machine, so reaching it proves nothing.
 *
 * Accepted: a program of another user that was handed a socket made by this user counts as this user.
 */
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { isIPv4, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { plainAddress } from '#shared/base/plain-address.ts';
import { createLsofCheck, listSockets } from './lsof-check.ts';
import { findRows, type SocketRow } from './proc-net-rows.ts';
import { SharedReads } from './shared-reads.ts';

/**
 * `other`: another user's, or nobody's any more. A password does not help it: whoever the kernel knows as another user could only
 * have taken one that was made for somebody else, and P30 wants proof that a connection is this user's wherever there can be one.
 * `unprovable`: whose it is cannot be told: another system, another machine or network namespace, or root, which relays for
 * others (containers, WSL) and needs no port to act as this user. It is nobody's until a password proves it (clients/).
 */
export type Ownership = 'own' | 'other' | 'unprovable';

export type ConnectionEnds = Pick<Socket, 'localAddress' | 'localPort' | 'remoteAddress' | 'remotePort'>;
export type OwnerCheck = (socket: ConnectionEnds) => Promise<Ownership>;

export interface OwnerCheckParts {
  readonly platform: NodeJS.Platform;
  /** Effective: a socket belongs to the user that its maker acted as. */
  readonly uid: number | undefined;
  readonly readTable: (path: string) => Promise<string>;
  /** What `lsof` says of this user's sockets at a local port, where there is no such table (macOS). */
  readonly listSockets: (port: string) => Promise<string>;
  /** True when this uid is also what the kernel shows for users it has no name for here. */
  readonly isOverflow: boolean;
  /** Whether an address is one of this machine's own, so that the kernel must know the socket behind it. */
  readonly isHere: (address: string) => boolean;
}

/** The table is not one snapshot: the kernel may skip a row while others come and go. */
const attempts = 3;

export function createOwnerCheck(parts: OwnerCheckParts): OwnerCheck {
  const { platform, uid } = parts;
  if (uid === undefined || parts.isOverflow) return async () => 'unprovable';
  if (platform === 'darwin') return createLsofCheck(parts);
  if (platform !== 'linux') return async () => 'unprovable';
  const tables = new SharedReads(parts.readTable);
  return async (socket) => {
    const isHere = parts.isHere(socket.remoteAddress ?? '');
    for (let attempt = 0; attempt < attempts; attempt += 1) {
      const rows = await farRows(tables, socket);
      if (rows.length > 0) return judge(rows, uid);
      if (!isHere) return 'unprovable';
    }
    return 'other';
  };
}

/** The owner is gone once the inode is 0, and uid 0 then stands for nobody. */
function judge(rows: readonly SocketRow[], uid: number): Ownership {
  if (rows.every((row) => row.uid === uid && row.inode > 0)) return 'own';
  return rows.every((row) => row.uid === 0 && row.inode > 0) ? 'unprovable' : 'other';
}

/** What the check needs of the running system. */
export function systemOwnerParts(): OwnerCheckParts {
  const uid = process.geteuid?.();
  return {
    platform: process.platform,
    uid,
    readTable: (path) => readFile(path, 'latin1'),
    listSockets: (port) => listSockets(port, uid),
    isOverflow: uid !== undefined && process.platform === 'linux' && isOverflowUid(uid),
    isHere: isAddressHere,
  };
}

/** Also for an address that is none: then nothing is known of another machine. */
function isAddressHere(address: string): boolean {
  const plain = plainAddress(address);
  if (plain === '' || plain === '::1' || plain.startsWith('127.')) return true;
  return Object.values(networkInterfaces()).some((list) => list?.some((one) => plainAddress(one.address) === plain));
}

/** In a user namespace every user from outside shows as the overflow uid: an agent that runs as it could tell nobody apart. */
function isOverflowUid(uid: number): boolean {
  const overflow = Number(readFileSync('/proc/sys/kernel/overflowuid', 'latin1').trim());
  const map = readFileSync('/proc/self/uid_map', 'latin1').trim().split(/\s+/);
  const isWhole = map.length === 3 && map[0] === '0' && map[1] === '0' && map[2] === '4294967295';
  return uid === overflow && !isWhole;
}

/** The rows of the client's socket: its local end is our remote one. */
async function farRows(tables: SharedReads, ends: ConnectionEnds): Promise<SocketRow[]> {
  const { localAddress, localPort, remoteAddress, remotePort } = ends;
  if (!localAddress || !localPort || !remoteAddress || !remotePort) return [];
  const far = { address: remoteAddress, port: remotePort };
  const near = { address: localAddress, port: localPort };
  if (!isIPv4(remoteAddress.replace(/^::ffff:/i, ''))) {
    return findRows(await tables.read('/proc/net/tcp6'), far, near, false);
  }
  const rows = findRows(await tables.read('/proc/net/tcp'), far, near, false);
  // An IPv6 socket that was connected to an IPv4 address (Java does so) stands in the other table.
  return rows.length > 0 ? rows : findRows(await tables.read('/proc/net/tcp6'), far, near, true);
}
