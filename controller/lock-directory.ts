/** One controller at a time in a state directory. */
import { join } from 'node:path';
import { PosternError } from '#shared/base/errors.ts';
import type { Stoppable } from '#shared/base/lifecycle.ts';
import { lockFile } from '#shared/base/lock-file.ts';

/** Throws `conflict` while another process, or another part of this one, has it. */
export function lockDirectory(dir: string): Stoppable {
  const lock = lockFile(join(dir, 'controller.lock'), 'exclusive');
  if (lock === undefined) throw new PosternError('conflict', `another controller is running in ${dir}`);
  return lock;
}
