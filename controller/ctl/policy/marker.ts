/** `.postern-policy.json`: which version a directory was pulled from, so that nobody publishes over somebody else's work. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { sha256 } from '#shared/base/bytes.ts';
import { PosternError } from '#shared/base/errors.ts';
import { changeNumber, strict, text } from '#shared/contracts/common.ts';
import { policyKnown } from '#shared/contracts/policy-known.ts';

export const markerName = '.postern-policy.json';

const marker = strict({
  /** The version in force when it was pulled or published from here. */
  epoch: changeNumber,
  /** SHA-256 of each file as it was then, by name. */
  files: Type.Record(Type.String({ maxLength: 200 }), text(64)),
  /** What policies and tests may name, for working without a controller. */
  known: policyKnown,
});
export type Marker = Static<typeof marker>;

export const digest = (content: string): string => sha256(content).toString('hex');

/** Undefined when there is none. Throws `bad-request` for one that is not whole. */
export function readMarker(dir: string): Marker | undefined {
  const file = join(dir, markerName);
  if (!existsSync(file)) return undefined;
  try {
    const value: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (Value.Check(marker, value)) return value;
  } catch {
    // Told below: half of a file is no better than one of another shape.
  }
  throw new PosternError('bad-request', `${file} is not what "policy pull" writes: remove it and pull again`);
}

export const markerText = (value: Marker): string => `${JSON.stringify(value, null, 2)}\n`;
