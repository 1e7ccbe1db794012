/** Public keys of notes, as options give them: as text or as a file that holds it. */
import { readFileSync } from 'node:fs';
import { type NoteKey, parseNoteKey } from '#shared/log/note-key.ts';

export const readKeys = (texts: readonly string[]): NoteKey[] =>
  texts.map((text) => parseNoteKey(text.includes('+') ? text : readFileSync(text, 'utf8')));
