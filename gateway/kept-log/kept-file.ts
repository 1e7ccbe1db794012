/**
 * What this gateway keeps of the log (P35), in `<dir>/log/kept.json`: the key that it got with its enrolment and the newest checkpoint that it
 * found good, of this log and of those before it. Written whole or not at all. Evidence against a controller stands beside it, both notes.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { PosternError } from '#shared/base/errors.ts';
import { strict, text } from '#shared/contracts/common.ts';
import { signedNote } from '#shared/contracts/log-shapes.ts';
import { formatNoteKey, type NoteKey, parseNoteKey } from '#shared/log/note-key.ts';
import { writeFileWhole } from '../keystore/write-file.ts';

const keptLog = {
  key: text(500),
  checkpoint: Type.Optional(signedNote),
};
export const kept = strict({
  ...keptLog,
  /** Of logs before this one, the oldest first. */
  former: Type.Array(strict(keptLog)),
});
export type Kept = Static<typeof kept>;

const folderOf = (dir: string): string => join(dir, 'log');
const fileOf = (dir: string): string => join(folderOf(dir), 'kept.json');
export const evidenceOf = (dir: string): string => join(folderOf(dir), 'evidence');
/** More than anybody reads. */
export const mostEvidence = 16;

/** Undefined where nothing was ever kept. Throws `invalid-config` for a file that is damaged. */
export function readKept(dir: string): Kept | undefined {
  let content: string;
  try {
    content = readFileSync(fileOf(dir), 'utf8');
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw new PosternError('invalid-config', `${fileOf(dir)} cannot be read: ${message}`, { cause });
  }
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch (cause) {
    throw damaged(dir, cause);
  }
  if (!Value.Check(kept, value)) throw damaged(dir);
  return value;
}

/** A join does not write over it: what can be saved of it binds the controller. */
const damaged = (dir: string, cause?: unknown) =>
  new PosternError(
    'invalid-config',
    `${fileOf(dir)} is damaged: put it back from a backup, or keep it elsewhere, move it away and join again`,
    { cause },
  );

export function writeKept(dir: string, value: Kept): void {
  mkdirSync(folderOf(dir), { recursive: true, mode: 0o700 });
  writeFileWhole(fileOf(dir), `${JSON.stringify(value, undefined, 2)}\n`, 0o600);
}

/** Both notes and why. False when they are there already, or so many others are. */
export function keepEvidence(
  dir: string,
  { why, kept: good, shown }: { readonly why: string; readonly kept: string | undefined; readonly shown: string },
): boolean {
  const folder = evidenceOf(dir);
  const name = createHash('sha256').update(`${why}\n${shown}`).digest('hex').slice(0, 16);
  const there = listEvidence(dir);
  if (there.includes(name) || there.length >= mostEvidence) return false;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (good !== undefined) writeFileWhole(join(folder, `${name}.kept`), good, 0o600);
  writeFileWhole(join(folder, `${name}.shown`), shown, 0o600);
  // Last: with it the case is whole.
  writeFileWhole(join(folder, `${name}.why`), `${why}\n`, 0o600);
  return true;
}

/** Names of cases. While there is one, the alarm goes on: an operator who has looked into it moves the folder away. */
export function listEvidence(dir: string): string[] {
  try {
    return readdirSync(evidenceOf(dir))
      .filter((file) => file.endsWith('.why'))
      .map((file) => file.slice(0, -'.why'.length))
      .sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** A gateway joins, perhaps again: what it kept before stays. Throws `bad-answer` for what is no key of a log. */
export function pinAtJoin(dir: string, keyText: string, trustDomain: string): void {
  let key: NoteKey;
  try {
    key = parseNoteKey(keyText);
  } catch (cause) {
    throw new PosternError('bad-answer', 'the controller names no key of its log', { cause });
  }
  if (key.kind !== 'ed25519' || !key.name.startsWith(`${trustDomain}/log/`))
    throw new PosternError('bad-answer', `the controller names ${key.name} as its log`);
  const before = readKept(dir);
  if (before?.key === formatNoteKey(key)) return;
  writeKept(dir, before === undefined ? { key: formatNoteKey(key), former: [] } : pinKey(before, key));
}

/** Another log is followed from now on; what was kept of those before it stays beside it, all of it: it is what binds the controller. */
export function pinKey({ former, ...before }: Kept, key: NoteKey): Kept {
  return { key: formatNoteKey(key), former: [...former, before] };
}
