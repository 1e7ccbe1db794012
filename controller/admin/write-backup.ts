/** A consistent copy of the store in a new file. The master key is not in it: without that key its secrets do not open. */
import { closeSync, openSync, rmSync, statSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { PosternError } from '#shared/base/errors.ts';
import type { Store } from '../store/open-store.ts';

/** Bytes written. Throws `bad-request` for a path that is not absolute or not writable, `conflict` for an existing file. */
export function writeBackup(store: Pick<Store, 'backup'>, file: string): number {
  if (!isAbsolute(file)) throw refuse('bad-request', 'The path must be absolute: it is on the host of the controller.');
  try {
    // Made by us, empty and closed to others, before the copy is written into it.
    closeSync(openSync(file, 'wx', 0o600));
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'EEXIST') throw refuse('conflict', 'That file exists: a backup never overwrites one.');
    throw refuse('bad-request', `The file cannot be written there: ${code ?? 'unknown error'}.`, cause);
  }
  try {
    store.backup(file);
  } catch (error) {
    rmSync(file, { force: true });
    throw error;
  }
  return statSync(file).size;
}

function refuse(code: 'bad-request' | 'conflict', tell: string, cause?: unknown): PosternError {
  return new PosternError(code, undefined, { tell, cause });
}
