/** A private key that others of the machine may read is none. */
import { PosternError } from '#shared/base/errors.ts';

/** Throws `invalid-config` for a key that others may read. */
export function refuseShared(path: string, { mode }: { readonly mode: number }): void {
  if (process.platform === 'win32' || (mode & 0o077) === 0) return;
  throw new PosternError('invalid-config', `${path} may be read by others: chmod 600 it`);
}
