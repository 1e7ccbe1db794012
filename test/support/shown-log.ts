/** A log as somebody shows it: checkpoints and proofs by the naive tree, with the entries and the key of the test's choice. */
import type { KeyObject } from 'node:crypto';
import { generateEd25519 } from '#shared/crypto/ed25519.ts';
import { type Checkpoint, checkpointText } from '#shared/log/checkpoint.ts';
import { formatNoteKey } from '#shared/log/note-key.ts';
import { makeNoteSigner, type NoteSigner, signNote } from '#shared/log/note-signer.ts';
import { NaiveTree } from '../log/naive-tree.ts';

export interface ShownLog {
  readonly origin: string;
  readonly signer: NoteSigner;
  readonly key: string;
  head(size: number): Checkpoint;
  checkpoint(size: number, by?: readonly NoteSigner[]): string;
  /** Base64. */
  path(from: number, to: number): string[];
  /** The same log with the same key, whose entry at `index` says something else. */
  rewritten(index: number): ShownLog;
}

export function makeShownLog(
  origin: string,
  entries: readonly string[],
  privateKey: KeyObject = generateEd25519(),
): ShownLog {
  const signer = makeNoteSigner(origin, privateKey);
  const tree = new NaiveTree(entries.map((entry) => Buffer.from(entry)));
  const head = (size: number) => ({ origin, size, root: tree.root(0, size) });
  return {
    origin,
    signer,
    key: formatNoteKey(signer.key),
    head,
    checkpoint: (size, by = [signer]) => signNote(checkpointText(head(size)), by),
    path: (from, to) => tree.proof(from, to).map((hash) => hash.toString('base64')),
    rewritten: (index) =>
      makeShownLog(
        origin,
        entries.map((entry, at) => (at === index ? `${entry}, rewritten` : entry)),
        privateKey,
      ),
  };
}

export const someEntries = (count: number): string[] => Array.from({ length: count }, (_, at) => `entry ${at}`);
