/** Checkpoints (C2SP tlog-checkpoint): a note of origin, size and root of a log. */

import type { NoteKey } from './note-key.ts';
import { decodeBase64, type Note, parseNote, refuse, type SignedBy, verifyNote } from './signed-note.ts';
import { emptyRoot, hashBytes } from './tree-hash.ts';

export interface Checkpoint {
  readonly origin: string;
  readonly size: number;
  readonly root: Buffer;
}

export interface OpenedCheckpoint extends Checkpoint {
  readonly note: Note;
  /** At least one of them is the log. */
  readonly signedBy: readonly SignedBy[];
}

/** The text that is signed. */
export function checkpointText({ origin, size, root }: Checkpoint): string {
  return `${origin}\n${size}\n${root.toString('base64')}\n`;
}

/** Of a note's text, verified or not. Throws `proof-refused`. Extension lines are let by: they say nothing of the tree. */
export function parseCheckpointText(text: string): Checkpoint {
  const [origin = '', sizeText = '', rootText = '', ...more] = text.slice(0, -1).split('\n');
  const size = /^(0|[1-9]\d{0,15})$/.test(sizeText) ? Number(sizeText) : Number.NaN;
  const root = decodeBase64(rootText);
  if (origin === '' || !Number.isSafeInteger(size) || root?.length !== hashBytes || more.includes('')) {
    throw refuse('the text of the note is no checkpoint');
  }
  if (size === 0 && !root.equals(emptyRoot)) throw refuse('the checkpoint has no entries and yet a root');
  return { origin, size, root };
}

export interface CheckpointKeys {
  /** Keys of the log: more than one while it changes its key. The name of the key is the origin of the log. */
  readonly log: readonly NoteKey[];
  readonly witnesses?: readonly NoteKey[];
}

/**
 * A checkpoint that the log signed. Throws `proof-refused` for what is malformed, signed by none of the log's keys, or of another
 * origin than the key is for. Witnesses that are known here and did not sign are for `missingWitnesses`.
 */
export function openCheckpoint(input: string | Uint8Array, { log, witnesses = [] }: CheckpointKeys): OpenedCheckpoint {
  const note = parseNote(input);
  const signedBy = verifyNote(note, [...log, ...witnesses]);
  const byLog = signedBy.filter(({ key }) => log.includes(key));
  if (byLog.length === 0) throw refuse('the log has not signed this checkpoint');
  const checkpoint = parseCheckpointText(note.text);
  if (!byLog.some(({ key }) => key.name === checkpoint.origin)) {
    throw refuse(`the checkpoint is of ${checkpoint.origin}, and the key of another log`);
  }
  return { ...checkpoint, note, signedBy };
}

/** Those that have not signed it. */
export const missingWitnesses = (
  { signedBy }: Pick<OpenedCheckpoint, 'signedBy'>,
  witnesses: readonly NoteKey[],
): NoteKey[] => witnesses.filter((witness) => !signedBy.some(({ key }) => key === witness));
