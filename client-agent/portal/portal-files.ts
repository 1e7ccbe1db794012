/** The page's own files, read once: a request names an entry of this table, never a path. */
import { readdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { sha256 } from '#shared/base/bytes.ts';
import { PosternError } from '#shared/base/errors.ts';

export interface PageFile {
  readonly bytes: Buffer;
  readonly type: string;
  readonly etag: string;
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** By request path; `/` is `index.html`. */
export async function readPage(directory = join(import.meta.dirname, 'page')): Promise<Map<string, PageFile>> {
  const files = new Map<string, PageFile>();
  for (const name of await readdir(directory)) {
    const type = types[extname(name)];
    if (type === undefined) throw new PosternError('internal', `the portal has no type for ${name}`);
    const bytes = await readFile(join(directory, name));
    files.set(name === 'index.html' ? '/' : `/${name}`, { bytes, type, etag: `"${sha256(bytes).toString('hex')}"` });
  }
  return files;
}
