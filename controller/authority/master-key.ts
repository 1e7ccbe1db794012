/** Where the master key comes from (P33): the environment, or `master.key` (0600) in the state directory. */
import { closeSync, constants, fstatSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { PosternError } from '#shared/base/errors.ts';
import { newMasterKey, parseMasterKey, Sealer } from '#shared/crypto/seal.ts';

export const masterKeyVariable = 'POSTERN_MASTER_KEY';
const fileName = 'master.key';

export interface MasterKeyPlace {
  /** State directory; must exist. */
  readonly dir: string;
  /** `process.env`; the variable is removed from it, so that no child process and no crash report carries the key. */
  readonly env: Record<string, string | undefined>;
  /** Make a new key when there is none: on the first start only. */
  readonly create: boolean;
}

/** Throws `invalid-config` when there is no key, or one that others than this user can read. */
export function openSealer({ dir, env, create }: MasterKeyPlace): Sealer {
  const given = env[masterKeyVariable];
  delete env[masterKeyVariable];
  if (given !== undefined) return new Sealer({ current: parseMasterKey(given) });
  const file = join(dir, fileName);
  const text = readKeyFile(file) ?? (create ? writeKeyFile(file) : undefined);
  if (text === undefined) {
    throw new PosternError('invalid-config', `there is no master key: neither ${file} nor ${masterKeyVariable}`);
  }
  return new Sealer({ current: parseMasterKey(text) });
}

function readKeyFile(file: string): string | undefined {
  let handle: number;
  try {
    handle = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new PosternError('invalid-config', `the master key ${file} cannot be opened`, { cause: error });
  }
  try {
    // Asked of the open handle, so that the file judged is the file read.
    if (process.platform !== 'win32' && (fstatSync(handle).mode & 0o077) !== 0) {
      throw new PosternError('invalid-config', `the master key ${file} can be read by others: chmod 600 it`);
    }
    return readFileSync(handle, 'utf8');
  } finally {
    closeSync(handle);
  }
}

function writeKeyFile(file: string): string {
  const text = newMasterKey();
  const handle = openSync(file, 'wx', 0o600);
  try {
    writeSync(handle, `${text}\n`);
    // What is sealed with a key that a power cut then loses can never be opened again.
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  return text;
}
