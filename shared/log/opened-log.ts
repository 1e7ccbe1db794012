/**
 * The note by which an installation declares another log (P35): its key, and the log before it as it was left. Signed by both keys, so that
 * whoever pinned the former one can follow, and nobody without it can lead them away. Its first line is no origin and its second no
 * size: it can never be taken for a checkpoint.
 */
import { type Checkpoint, parseCheckpointText } from './checkpoint.ts';
import { formatNoteKey, type NoteKey, parseNoteKey } from './note-key.ts';
import { parseNote, refuse, verifyNote } from './signed-note.ts';

export interface OpenedLog {
  readonly key: NoteKey;
  /** As the database had it when the other one was opened. */
  readonly former: Checkpoint;
  /** The newest checkpoint that was known then, of whichever log: what is in it and not in `former` is lost. */
  readonly known?: Checkpoint;
}

const firstLine = 'postern log opened v1';

export function openedText({ key, former, known = former }: OpenedLog): string {
  return `${[firstLine, formatNoteKey(key), placeOf(former), placeOf(known)].join('\n')}\n`;
}

/** Throws `proof-refused` for what is none, or not signed by one of `keys`, which must be of the former log, and by its own. */
export function openOpenedLog(input: string | Uint8Array, keys: readonly NoteKey[]): OpenedLog {
  const note = parseNote(input);
  const [first, keyText = '', former = '', known = '', ...more] = note.text.slice(0, -1).split('\n');
  if (first !== firstLine || more.length > 0) throw refuse('the note declares no other log');
  const opened = { key: parseNoteKey(keyText), former: readPlace(former), known: readPlace(known) };
  if (opened.key.kind !== 'ed25519' || opened.key.name === opened.former.origin)
    throw refuse('the note declares a log that cannot be one');
  const formers = keys.filter(({ name, kind }) => name === opened.former.origin && kind === 'ed25519');
  const signedBy = verifyNote(note, [...formers, opened.key]).map(({ key }) => key);
  if (!signedBy.includes(opened.key) || !signedBy.some((key) => formers.includes(key)))
    throw refuse('the note that declares another log is not signed by the key of the former one and by its own');
  return opened;
}

const placeOf = ({ origin, size, root }: Checkpoint): string => `${origin} ${size} ${root.toString('base64')}`;

function readPlace(line: string): Checkpoint {
  const words = line.split(' ');
  if (words.length !== 3) throw refuse('the note that declares another log names no place in the former one');
  return parseCheckpointText(`${words.join('\n')}\n`);
}
