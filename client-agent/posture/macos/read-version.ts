import { type Host, outputOf } from '../host.ts';
import { type MacVersion, parseMacVersion } from './parse-version.ts';

export async function readMacVersion(host: Host): Promise<MacVersion | undefined> {
  return parseMacVersion((await outputOf(host, 'sw_vers', ['-productVersion'])) ?? '');
}
