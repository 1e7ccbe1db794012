/**
 * The directory of one profile: 0700, its files 0600, all of them this user's. What others could have read or changed is
 * refused, never repaired: a repaired mode would hide that the key may be known.
 */
import {
  closeSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { PosternError } from '#shared/base/errors.ts';

const forOthers = 0o077;
const maxFile = 1024 * 1024;

/** XDG Base Directory Specification 0.8: a relative XDG_CONFIG_HOME counts as not set. */
export function profilePath(profile: string, env: Readonly<Record<string, string | undefined>>): string {
  if (!/^[a-z0-9][a-z0-9._-]{0,62}$/.test(profile)) {
    throw new PosternError('invalid-config', 'a profile is named with lower-case letters, digits, dots and dashes');
  }
  const base = env['XDG_CONFIG_HOME'];
  const config = base !== undefined && isAbsolute(base) ? base : join(env['HOME'] ?? homedir(), '.config');
  return join(config, 'postern', profile);
}

export class ProfileDirectory {
  readonly path: string;

  /** Makes the directory when it is not there. Throws `invalid-config` when others may look into it or own it. */
  constructor(path: string) {
    this.path = path;
    try {
      mkdirSync(path, { recursive: true, mode: 0o700 });
    } catch (cause) {
      throw new PosternError('invalid-config', `cannot make ${path}: ${(cause as Error).message}`, { cause });
    }
    const facts = statSync(path);
    if (!facts.isDirectory()) throw new PosternError('invalid-config', `${path} is not a directory`);
    checkOwner(path, facts, 'chmod 700');
  }

  file(name: string): string {
    return join(this.path, name);
  }

  /** The text, or undefined when there is no such file. */
  read(name: string): string | undefined {
    const path = this.file(name);
    let descriptor: number;
    try {
      descriptor = openSync(path, 'r');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw new PosternError('invalid-config', `cannot read ${path}: ${(error as Error).message}`, { cause: error });
    }
    try {
      const facts = fstatSync(descriptor);
      if (!facts.isFile() || facts.size > maxFile)
        throw new PosternError('invalid-config', `${path} is not a small file`);
      checkOwner(path, facts, 'chmod 600');
      return readFileSync(descriptor, 'utf8');
    } finally {
      closeSync(descriptor);
    }
  }

  /** Whole or not at all: written beside, flushed, then renamed. */
  write(name: string, text: string): void {
    const path = this.file(name);
    rmSync(`${path}.new`, { force: true });
    writeFileSync(`${path}.new`, text, { mode: 0o600, flag: 'wx', flush: true });
    renameSync(`${path}.new`, path);
    flushDirectory(this.path);
  }

  remove(name: string): void {
    rmSync(this.file(name), { force: true });
  }
}

function checkOwner(path: string, facts: Stats, command: string): void {
  const uid = process.geteuid?.();
  // Windows has access lists instead, which the profile inherits from the user's own directory.
  if (uid === undefined) return;
  if (facts.uid !== uid) throw new PosternError('invalid-config', `${path} belongs to another user (uid ${facts.uid})`);
  if ((facts.mode & forOthers) === 0) return;
  const mode = (facts.mode & 0o777).toString(8);
  throw new PosternError(
    'invalid-config',
    `${path} is open to other users (mode ${mode}). If nobody else can have read it: ${command} '${path}'; otherwise enrol again`,
  );
}

/** So that a rename survives a power cut. */
function flushDirectory(path: string): void {
  if (process.platform === 'win32') return;
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
