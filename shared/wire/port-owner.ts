/** Which process listens on a local TCP port, as far as Linux tells this user. */
import { readdir, readFile, readlink } from 'node:fs/promises';
import { endianness } from 'node:os';

export interface PortOwner {
  readonly pid: number;
  readonly name: string;
}

/** `node (process 4711)`, `a program of the user www-data`, `another program`. */
export async function describePortOwner(port: number): Promise<string> {
  const owner = await findPortOwner(port);
  if (owner !== undefined) return `${owner.name} (process ${owner.pid})`;
  const uid = await listeningUid(port);
  // Processes of others are closed to this user; the table still says whose the socket is.
  if (uid === undefined || uid === process.geteuid?.()) return 'another program';
  return `a program of the user ${(await userName(uid)) ?? uid}`;
}

const listenState = '0A';

/**
 * Undefined where it cannot be told: another system, another user's process, or a port that is free again. `address`: an IPv4 address, where
 * several programs may have the port, each at its own.
 */
export async function findPortOwner(port: number, address?: string): Promise<PortOwner | undefined> {
  const rows = await listeningRows(port, address);
  const inodes = new Set(rows.map((fields) => `socket:[${fields[9]}]`));
  if (inodes.size === 0) return undefined;
  for (const pid of await list('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    for (const fd of await list(`/proc/${pid}/fd`)) {
      const target = await readlink(`/proc/${pid}/fd/${fd}`).catch(() => '');
      if (inodes.has(target)) return { pid: Number(pid), name: await nameOf(pid) };
    }
  }
  return undefined;
}

/** The fields of proc(5): `sl local_address rem_address st ... uid timeout inode`; the port in hex after the colon. */
async function listeningRows(port: number, address?: string): Promise<string[][]> {
  const start = address === undefined ? '' : `${hexOf(address)}:`;
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const tables = await Promise.all(
    ['/proc/net/tcp', '/proc/net/tcp6'].map((path) => readFile(path, 'utf8').catch(() => '')),
  );
  return tables
    .flatMap((text) => text.split('\n').slice(1))
    .map((line) => line.trim().split(/\s+/))
    .filter(
      (fields) =>
        fields[1]?.startsWith(start) && fields[1].endsWith(suffix) && fields[3] === listenState && fields[9] !== '0',
    );
}

/** As the kernel prints it: in the byte order of this machine, which is little-endian wherever Node runs but on s390x. */
function hexOf(address: string): string {
  const bytes = address.split('.').map((part) => Number(part).toString(16).toUpperCase().padStart(2, '0'));
  return (endianness() === 'LE' ? bytes.toReversed() : bytes).join('');
}

/** Also where the process itself is closed to this user: another's, or one with capabilities. */
export async function listeningUid(port: number, address?: string): Promise<number | undefined> {
  const uid = (await listeningRows(port, address))[0]?.[7];
  return uid === undefined ? undefined : Number(uid);
}

async function userName(uid: number): Promise<string | undefined> {
  const text = await readFile('/etc/passwd', 'utf8').catch(() => '');
  const row = text.split('\n').find((line) => line.split(':')[2] === String(uid));
  return row?.split(':', 1)[0];
}

/** Processes come and go while they are listed, and those of others do not open: neither is an error here. */
const list = (directory: string): Promise<string[]> => readdir(directory).catch(() => []);

async function nameOf(pid: string): Promise<string> {
  const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '');
  return name.trim() || 'an unnamed program';
}
