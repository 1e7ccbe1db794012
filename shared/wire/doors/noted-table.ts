/**
 * The tables that this state directory put up and has not taken away: they outlive the process, and a later start that wants no kernel
 * door, or another one, must find what would keep everybody out.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PosternError } from '../../base/errors.ts';
import type { DoorName } from './kernel-rules.ts';

const roles: readonly DoorName['role'][] = ['controller', 'gateway', 'shared'];
const fileIn = (dir: string): string => join(dir, 'kernel-door.json');

/** None where there is no note. Throws `invalid-config` for a file that cannot be read as one of ours. */
export function notedTables(dir: string): readonly DoorName[] {
  let text: string;
  try {
    text = readFileSync(fileIn(dir), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw unreadable(dir, error);
  }
  try {
    const names = (JSON.parse(text) as DoorName[]).map(({ role, port, host }) => ({ role, port, host }));
    if (names.every(({ role, port }) => roles.includes(role) && Number.isInteger(port))) return names;
  } catch (error) {
    throw unreadable(dir, error);
  }
  throw unreadable(dir);
}

/** To be called before the tables are there: a note of none is harmless, a table without a note is not. */
export function noteTables(dir: string, tables: readonly DoorName[]): void {
  const names = tables.map(({ role, port, host }) => ({ role, port, host }));
  writeFileSync(fileIn(dir), `${JSON.stringify(names)}\n`, { mode: 0o600 });
}

export const forgetTables = (dir: string): void => rmSync(fileIn(dir), { force: true });

const unreadable = (dir: string, cause?: unknown) =>
  new PosternError(
    'invalid-config',
    `${fileIn(dir)} cannot be read: remove our table by hand ("nft list tables"), and then the file`,
    { cause },
  );
