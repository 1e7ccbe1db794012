/**
 * The directory by which a controller and a gateway of one host share a port. It is the controller's: whoever may write to it could
 * put a socket of its own there and take the controller's connections (it would get no further than TLS), so nobody else may.
 * Who may connect, the modes of directory and sockets say: the controller's user, and a group that the gateway's user is in.
 */
import { lstatSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { PosternError } from '../../base/errors.ts';
import { type DoorMode, hasKernelDoor } from '../../contracts/knock.ts';
import type { Share } from '../../contracts/one-port.ts';

/** Where connections are handed over, and where ports are claimed. */
export const connectionsSocket = (dir: string): string => join(dir, 'connections.sock');
export const claimsSocket = (dir: string): string => join(dir, 'claims.sock');
/** Its user and its group. */
export const socketMode = 0o660;

/** The shortest limit of the systems we run on (macOS), with its ending zero. */
const longestSocket = 103;

/** Complaints about a configuration. */
export function shareComplaints(share: Share, preludePort: number, door: DoorMode): string[] {
  const { dir, kernelDoor } = share;
  if (dir === undefined) return kernelDoor ? ['share.kernelDoor: wants share.dir'] : [];
  return [
    ...(preludePort === 0 ? ['share.dir: wants listen.prelude, the TCP port that both have'] : []),
    ...(kernelDoor && !hasKernelDoor(door) ? ['share.kernelDoor: wants a kernel door (door: both)'] : []),
  ];
}

/** Throws `invalid-config` that says what is wrong with it. `isOwn`: this process makes the sockets. */
export function checkShareDir(dir: string, isOwn: boolean): void {
  if (Buffer.byteLength(connectionsSocket(dir)) > longestSocket) throw wrong(dir, 'its path is too long for a socket');
  const facts = look(dir);
  if (facts === undefined) throw wrong(dir, 'it does not exist (deploy/install --one-port makes one)');
  if (!facts.isDirectory()) throw wrong(dir, 'it is no directory');
  if (process.platform === 'win32') return;
  if ((facts.mode & 0o022) !== 0) throw wrong(dir, 'others than its owner may write to it: chmod go-w');
  const own = process.geteuid?.();
  if (isOwn && facts.uid !== own && facts.uid !== 0) throw wrong(dir, `it is not this user's (${own})`);
}

/** As above, of a socket that the controller has made; nothing to say of one that is not there. */
export function checkShareSocket(path: string): void {
  const facts = look(path);
  if (facts === undefined) return;
  if (!facts.isSocket()) throw wrong(path, 'it is no socket');
  if (process.platform !== 'win32' && (facts.mode & 0o002) !== 0) throw wrong(path, 'everybody may write to it');
}

function look(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw wrong(path, (error as Error).message, error);
  }
}

const wrong = (path: string, why: string, cause?: unknown) =>
  new PosternError('invalid-config', `share.dir: ${path} cannot be used: ${why}`, { cause });
