/** What joining gave this gateway: its names, its certificate and where the controllers are. Public, but kept 0600. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { PosternError } from '#shared/base/errors.ts';
import { address, pem, slug, strict, text } from '#shared/contracts/common.ts';
import { controllerKnock } from '#shared/contracts/knock.ts';
import { writeFileWhole } from './write-file.ts';

export const membership = strict({
  gateway: slug,
  site: slug,
  trustDomain: text(255),
  /** Bootstrap server, for renewing an expired certificate. */
  bootstrap: address,
  /** Mutual servers. */
  controllers: Type.Array(address, { minItems: 1 }),
  certificate: pem,
  chain: Type.Array(pem),
  bundle: Type.Array(pem, { minItems: 1 }),
  /** For the controller's door (P26). */
  knock: Type.Optional(controllerKnock),
});
export type Membership = Static<typeof membership>;

const fileOf = (dir: string): string => join(dir, 'membership.json');

/** Undefined before joining. Throws `invalid-config` for a file that is damaged. */
export function readMembership(dir: string): Membership | undefined {
  let raw: string;
  try {
    raw = readFileSync(fileOf(dir), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  let value: unknown;
  try {
    value = JSON.parse(raw);
  } catch (cause) {
    throw new PosternError('invalid-config', `${fileOf(dir)} is damaged`, { cause });
  }
  if (!Value.Check(membership, value)) throw new PosternError('invalid-config', `${fileOf(dir)} has another shape`);
  return value;
}

export function writeMembership(dir: string, value: Membership): void {
  writeFileWhole(fileOf(dir), `${JSON.stringify(value, undefined, 2)}\n`, 0o600);
}
