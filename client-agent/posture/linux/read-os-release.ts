import { type Host, readText } from '../host.ts';
import { type OsRelease, parseOsRelease } from './parse-os-release.ts';

/** `/etc/os-release`, else the copy in `/usr/lib` (os-release(5)). */
export async function readOsRelease(host: Host): Promise<OsRelease | undefined> {
  const text = (await readText(host, '/etc/os-release')) ?? (await readText(host, '/usr/lib/os-release'));
  return text === undefined ? undefined : parseOsRelease(text);
}
