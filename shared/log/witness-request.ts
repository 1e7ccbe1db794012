/** The request by which a log asks a witness for its cosignature (C2SP tlog-witness, `add-checkpoint`), and what comes back. */
import { openCheckpoint } from './checkpoint.ts';
import type { NoteKey } from './note-key.ts';
import { formatLine, parseNote, refuse } from './signed-note.ts';

export interface WitnessRequest {
  /** Leaves of the checkpoint that the witness signed last; 0 for none. */
  readonly old: number;
  /** That the checkpoint's tree goes on from it. */
  readonly proof: readonly Uint8Array[];
  readonly checkpoint: string;
}

export function formatWitnessRequest({ old, proof, checkpoint }: WitnessRequest): string {
  const lines = proof.map((hash) => `${Buffer.from(hash).toString('base64')}\n`);
  return `old ${old}\n${lines.join('')}\n${checkpoint}`;
}

/**
 * The line of an answer that is by this witness over this checkpoint: of many the first, as one that answers with more would fill the note that
 * others sign as well. Throws `proof-refused` when there is none, or one does not hold.
 */
export function readCosignature(answer: string, checkpoint: string, witness: NoteKey, log: readonly NoteKey[]): string {
  const note = `${checkpoint}${answer}`;
  const { signedBy } = openCheckpoint(note, { log, witnesses: [witness] });
  if (!signedBy.some(({ key }) => key === witness)) throw refuse(`the answer has no signature of ${witness.name}`);
  const own = parseNote(note).signatures.find(({ name, keyId }) => name === witness.name && keyId === witness.id)!;
  return formatLine(own.name, own.keyId, own.signature);
}
