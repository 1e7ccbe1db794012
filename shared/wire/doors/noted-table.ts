/**
 * The table that this state directory put up and has not taken away: it outlives the process, and a later start that wants no kernel
 * door, or another one, must find what would keep everybody out.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PosternError } from '../../base/errors.ts';
import type { DoorName } from './kernel-rules.ts';

const fileIn = (dir: string): string => join(dir, 'kernel-door.json');

/** Throws `invalid-config` for a file that cannot be read as one of ours. */
export function notedTable(dir: string): DoorName | undefined {
  let text: string;
  try {
    text = readFileSync(fileIn(dir), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw unreadable(dir, error);
  }
  try {
    const { role, port, host } = JSON.parse(text) as DoorName;
    if ((role === 'controller' || role === 'gateway') && Number.isInteger(port)) return { role, port, host };
  } catch (error) {
    throw unreadable(dir, error);
  }
  throw unreadable(dir);
}

/** To be called before the table is there: a note of none is harmless, a table without a note is not. */
export function noteTable(dir: string, { role, port, host }: DoorName): void {
  writeFileSync(fileIn(dir), `${JSON.stringify({ role, port, host })}\n`, { mode: 0o600 });
}

export const forgetTable = (dir: string): void => rmSync(fileIn(dir), { force: true });

const unreadable = (dir: string, cause?: unknown) =>
  new PosternError(
    'invalid-config',
    `${fileIn(dir)} cannot be read: remove our table by hand ("nft list tables"), and then the file`,
    { cause },
  );
