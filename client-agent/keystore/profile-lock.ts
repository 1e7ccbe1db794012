/** One process per profile: two would use the same posture numbers and overwrite each other's session. */
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { randomId } from '#shared/base/bytes.ts';
import { PosternError } from '#shared/base/errors.ts';
import type { ProfileDirectory } from './profile-directory.ts';

export interface ProfileLock {
  release(): void;
}

export interface Holder {
  readonly pid: number;
  /** Clock ticks since boot at which the process started (proc(5)); tells a process from a later one with its number. */
  readonly started: string;
}

const name = 'agent.lock';

/** Throws `conflict` naming the process that has the profile. The lock of a process that is gone is taken over. */
export function lockProfile(directory: ProfileDirectory): ProfileLock {
  const path = directory.file(name);
  const mine = JSON.stringify({ pid: process.pid, started: startOf(process.pid) ?? '' });
  const draft = `${path}.${randomId(8)}`;
  writeFileSync(draft, mine, { mode: 0o600, flag: 'wx' });
  try {
    for (let attempt = 0; attempt < 3; attempt += 1) {
      if (tryLink(draft, path)) return { release: () => releaseLock(path, mine) };
      const seen = readText(path);
      if (seen === undefined) continue;
      const holder = parseHolder(seen);
      if (holder !== undefined && isAlive(holder)) throw taken(directory, holder.pid);
      removeStale(path, seen);
    }
  } finally {
    rmSync(draft, { force: true });
  }
  throw taken(directory, undefined);
}

function taken(directory: ProfileDirectory, pid: number | undefined): PosternError {
  const who = pid === undefined ? 'another process' : `process ${pid}`;
  return new PosternError('conflict', `${who} already runs the agent of ${directory.path}`);
}

/** link(2) is the one step that either makes the file or fails, with its content in it already. */
function tryLink(draft: string, path: string): boolean {
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Between look and removal another process may have taken the lock: then it is put back. */
function removeStale(path: string, seen: string): void {
  const aside = `${path}.${randomId(8)}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  if (readText(aside) !== seen) tryLink(aside, path);
  rmSync(aside, { force: true });
}

function releaseLock(path: string, mine: string): void {
  if (readText(path) === mine) rmSync(path, { force: true });
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function parseHolder(text: string): Holder | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null) return undefined;
    const { pid, started } = value as Partial<Holder>;
    return Number.isInteger(pid) && pid! > 0 && typeof started === 'string' ? { pid: pid!, started } : undefined;
  } catch {
    // A lock cut short by a power failure: its process is gone.
    return undefined;
  }
}

export function isAlive({ pid, started }: Holder): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: there is such a process, of another user; it cannot be an agent of this profile, but may have been one's number.
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  const fields = statOf(pid);
  // Killed, and not yet taken notice of by its parent: where the first process of a container does not care, for ever.
  if (fields?.[0] === 'Z') return false;
  return started === '' || (fields?.[19] ?? started) === started;
}

/** Field 22 of /proc/<pid>/stat; undefined where there is none. The name in field 2 may hold blanks and brackets. */
export const startOf = (pid: number): string | undefined => statOf(pid)?.[19];

/** From field 3, the state, on. */
function statOf(pid: number): readonly string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}
