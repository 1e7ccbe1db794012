/** Which process listens on a local TCP port, as far as Linux tells this user. */
import { readdir, readFile, readlink } from 'node:fs/promises';

export interface PortOwner {
  readonly pid: number;
  readonly name: string;
}

const listenState = '0A';

/** Undefined where it cannot be told: another system, another user's process, or a port that is free again. */
export async function findPortOwner(port: number): Promise<PortOwner | undefined> {
  const inodes = new Set<string>();
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const inode of await listeningInodes(table, port)) inodes.add(`socket:[${inode}]`);
  }
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

/** proc(5): `sl local_address rem_address st ... uid timeout inode`; the port in hex after the colon. */
async function listeningInodes(table: string, port: number): Promise<string[]> {
  const text = await readFile(table, 'utf8').catch(() => '');
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return text
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[1]?.endsWith(suffix) && fields[3] === listenState)
    .map((fields) => fields[9]!)
    .filter((inode) => inode !== '0');
}

/** Processes come and go while they are listed, and those of others do not open: neither is an error here. */
const list = (directory: string): Promise<string[]> => readdir(directory).catch(() => []);

async function nameOf(pid: string): Promise<string> {
  const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '');
  return name.trim() || 'an unnamed program';
}
