/** What this system has found out by itself: a portal that the network told it of, and whether its clock is set. */
import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const links = '/run/systemd/netif/links';
const maxLength = 200;

/** RFC 8910: by systemd-networkd's files, else by what NetworkManager says. Undefined where neither tells. */
export async function toldPortal(signal: AbortSignal, directory = links): Promise<string | undefined> {
  const told = await Promise.all([networkdPortal(directory), networkManagerPortal(signal)]);
  return told.find((portal) => portal !== undefined);
}

async function networkdPortal(directory: string): Promise<string | undefined> {
  try {
    for (const name of await readdir(directory)) {
      const url = /^CAPTIVE_PORTAL=(https?:\/\/\S+)$/m.exec(await readFile(join(directory, name), 'utf8'))?.[1];
      if (url !== undefined) return url.slice(0, maxLength);
    }
  } catch {
    // Another manager of networks.
  }
  return undefined;
}

async function networkManagerPortal(signal: AbortSignal): Promise<string | undefined> {
  if (process.platform !== 'linux') return undefined;
  const said = await ask(['nmcli', '--terse', 'networking', 'connectivity'], signal);
  return said?.trim() === 'portal' ? 'NetworkManager found one' : undefined;
}

/** By systemd, which asks the kernel: whichever service it is that sets the clock. */
export async function clockSynchronised(signal: AbortSignal): Promise<boolean | undefined> {
  if (process.platform !== 'linux') return undefined;
  const said = await ask(['timedatectl', 'show', '--property=NTPSynchronized', '--value'], signal);
  if (said?.trim() === 'yes') return true;
  return said?.trim() === 'no' ? false : undefined;
}

async function ask(
  [program, ...words]: readonly [string, ...string[]],
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)(program, words, {
      encoding: 'utf8',
      signal,
      env: { PATH: process.env['PATH'], LC_ALL: 'C' },
    });
    return stdout;
  } catch {
    // Not on this system, or it does not answer.
    return undefined;
  }
}
