/** What this program is. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { protocolVersion } from '#shared/contracts/protocol-version.ts';

export function readVersion(): { readonly version: string; readonly protocol: number; readonly node: string } {
  const file = join(import.meta.dirname, '../../package.json');
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string };
  return { version, protocol: protocolVersion, node: process.versions.node };
}
