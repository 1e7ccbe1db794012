/** Writes a description as files that `posternctl apply -f` takes. Never over what is there. */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { PosternError } from '#shared/base/errors.ts';
import type { Bundle } from '#shared/contracts/admin-objects.ts';

const organisationName = 'organisation.yaml';

/** Returns the files. Throws `conflict` when the directory holds anything. */
export function writeDirectory(dir: string, { policies = [], policyTests = [], ...rest }: Bundle): string[] {
  if (existsSync(dir) && readdirSync(dir).length > 0) {
    throw new PosternError('conflict', `${dir} is not empty: an export goes into a new directory`);
  }
  mkdirSync(join(dir, 'policies'), { recursive: true });
  const files = [join(dir, organisationName)];
  writeFileSync(files[0]!, stringify(rest, { lineWidth: 120 }), { flag: 'wx' });
  const named = [
    ...policies.map(({ id, text }) => ({ name: `${id}.cedar`, text })),
    ...policyTests.map(({ id, text }) => ({ name: `${id}.tests.yaml`, text })),
  ];
  for (const { name, text } of named) {
    const file = join(dir, 'policies', name);
    writeFileSync(file, text, { flag: 'wx' });
    files.push(file);
  }
  return files;
}
