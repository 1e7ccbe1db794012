/** Locks of the kernel's on a file, so that a killed process leaves none. */
import { DatabaseSync } from 'node:sqlite';
import { PosternError } from './errors.ts';
import type { Stoppable } from './lifecycle.ts';

/** Whoever holds a lock until its process ends keeps nothing of it: what nobody refers to is collected, and would let go. */
const held = new Set<DatabaseSync>();

/**
 * `exclusive`: nobody else has it in any way. `shared`: nobody has it exclusively. Returns undefined when somebody is in the way.
 * Throws when the file cannot be made.
 */
export function lockFile(path: string, kind: 'exclusive' | 'shared'): Stoppable | undefined {
  // SQLite's locks are the only ones that Node can take: an open transaction on a file that holds nothing else.
  const file = new DatabaseSync(path);
  try {
    file.exec('PRAGMA journal_mode = MEMORY;');
    file.exec(kind === 'exclusive' ? 'BEGIN EXCLUSIVE;' : 'BEGIN; SELECT count(*) FROM sqlite_master;');
  } catch (error) {
    file.close();
    if (/database is locked/.test((error as Error).message)) return undefined;
    if (!/readonly/.test((error as Error).message)) throw error;
    throw new PosternError('disk-failed', `${path} cannot be written: the disk is read-only`, { cause: error });
  }
  held.add(file);
  return {
    stop() {
      if (held.delete(file)) file.close();
    },
  };
}
