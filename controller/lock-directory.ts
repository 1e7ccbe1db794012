/** One controller at a time in a state directory: a lock of the kernel's, so that a killed one leaves none. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { PosternError } from '#shared/base/errors.ts';
import type { Stoppable } from '#shared/base/lifecycle.ts';

/** Throws `conflict` while another process, or another part of this one, has it. */
export function lockDirectory(dir: string): Stoppable {
  // SQLite's locks are the only ones that Node can take: an open exclusive transaction on a file that holds nothing else.
  const file = new DatabaseSync(join(dir, 'controller.lock'));
  try {
    file.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE;');
  } catch (cause) {
    file.close();
    if (!/database is locked/.test((cause as Error).message)) throw cause;
    throw new PosternError('conflict', `another controller is running in ${dir}`, { cause });
  }
  return { stop: () => file.close() };
}
