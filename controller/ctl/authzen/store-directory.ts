/** A policy store as a directory: policies/*.cedar, and if they are there schema.cedarschema, entities.json, links.json. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { PosternError } from '#shared/base/errors.ts';
import type { PolicyStoreFiles } from '#shared/contracts/admin-authzen.ts';

const others = { schema: 'schema.cedarschema', entities: 'entities.json', links: 'links.json' } as const;
const ending = '.cedar';

/** Throws `bad-request` for a directory without policies, as for a wrong path. */
export function readStoreDirectory(dir: string): PolicyStoreFiles {
  const folder = join(dir, 'policies');
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(ending)) : [];
  if (names.length === 0) throw new PosternError('bad-request', `there is no ${join(dir, 'policies', `*${ending}`)}`);
  const policies = names.sort().map((name) => ({
    name: basename(name, ending),
    text: readFileSync(join(folder, name), 'utf8'),
  }));
  const found = Object.entries(others)
    .filter(([, name]) => existsSync(join(dir, name)))
    .map(([part, name]) => [part, readFileSync(join(dir, name), 'utf8')]);
  return { policies, ...Object.fromEntries(found) };
}

/** Returns the files. Throws `conflict` when the directory holds anything. */
export function writeStoreDirectory(dir: string, files: PolicyStoreFiles): string[] {
  if (existsSync(dir) && readdirSync(dir).length > 0)
    throw new PosternError('conflict', `${dir} is not empty: a store goes into a new directory`);
  mkdirSync(join(dir, 'policies'), { recursive: true });
  const written: string[] = [];
  const write = (file: string, text: string) => {
    writeFileSync(file, text, { flag: 'wx' });
    written.push(file);
  };
  // Names came from files of one directory; whatever else stands in a store, it leaves this one not.
  for (const { name, text } of files.policies) write(join(dir, 'policies', `${basename(name)}${ending}`), text);
  for (const [part, name] of Object.entries(others)) {
    const text = files[part as keyof typeof others];
    if (text !== undefined) write(join(dir, name), text);
  }
  return written;
}
