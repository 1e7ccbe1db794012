/**
 * Checks a proof of one record, by the public key of the log alone: what the evidence bundle, `posternctl` and the standalone verifier
 * share. Reads no file, asks nobody, and needs no package but Node.
 */
import { hash } from 'node:crypto';
import { isIncluded } from './check-tree.ts';
import { type CheckpointKeys, openCheckpoint } from './checkpoint.ts';
import { parseProofFile } from './proof-file.ts';
import { asText, refuse, type SignedBy } from './signed-note.ts';
import { leafHash } from './tree-hash.ts';

/** What a proof carries beside the path (`extra`, JSON): the leaf as it was hashed, and what of its personal values is shown. */
export interface ShownRecord {
  readonly leaf: string;
  /** Each as base64url (RFC 9901 section 4.2); their order says nothing. */
  readonly disclosures: readonly string[];
}

export interface CheckedProof {
  readonly origin: string;
  readonly size: number;
  readonly root: Buffer;
  readonly index: number;
  /** What stands in the leaf: proved. */
  readonly record: Readonly<Record<string, unknown>>;
  /** Personal values that the proof shows: proved, by their digests in the leaf. */
  readonly disclosed: Readonly<Record<string, unknown>>;
  /** Names of personal values that it does not show. */
  readonly withheld: readonly string[];
  readonly signedBy: readonly SignedBy[];
}

const maxShownBytes = 8 * 1024 * 1024;

/** Throws `proof-refused`, saying what does not hold. */
export function checkProof(file: string | Uint8Array, keys: CheckpointKeys): CheckedProof {
  const proof = parseProofFile(file);
  const { origin, size, root, signedBy } = openCheckpoint(proof.checkpoint, keys);
  if (proof.extra === undefined) throw refuse('the proof does not carry what it proves');
  const shown = parseShown(proof.extra);
  if (!isIncluded(leafHash(Buffer.from(shown.leaf)), proof.index, proof.path, { size, root })) {
    throw refuse('the record is not what stands at this place of the log: it was changed, or the proof was');
  }
  return { origin, size, root, signedBy, index: proof.index, ...readShown(shown) };
}

/** What is carried, read but not proved. Throws `proof-refused`. */
export function parseShown(extra: Uint8Array): ShownRecord {
  return shownOf(parseObject(asText(extra, maxShownBytes, 'record of the proof')));
}

/** Throws `proof-refused` for values of other kinds. */
export function shownOf({
  leaf,
  disclosures,
}: {
  readonly leaf?: unknown;
  readonly disclosures?: unknown;
}): ShownRecord {
  if (typeof leaf !== 'string' || !leaf.isWellFormed() || !Array.isArray(disclosures)) {
    throw refuse('the record of the proof cannot be read');
  }
  if (disclosures.some((one) => typeof one !== 'string')) throw refuse('a personal value of the proof cannot be read');
  return { leaf, disclosures };
}

export const shownToExtra = ({ leaf, disclosures }: ShownRecord): Buffer =>
  Buffer.from(JSON.stringify({ leaf, disclosures }));

/** The values of a leaf that is known to be good. Throws `proof-refused` for a disclosure that it did not commit to. */
export function readShown({ leaf, disclosures }: ShownRecord): Pick<CheckedProof, 'record' | 'disclosed' | 'withheld'> {
  const { hidden, _sd: digests, ...record } = parseObject(leaf);
  if (!isTexts(hidden) || !isTexts(digests) || hidden.length !== digests.length) {
    throw refuse('the leaf has a form that is not known here');
  }
  const disclosed: Record<string, unknown> = Object.create(null);
  for (const one of disclosures) {
    const [name, value] = parseDisclosure(one);
    const index = hidden.indexOf(name);
    if (index < 0 || digests[index] !== hash('sha256', one, 'base64url') || Object.hasOwn(disclosed, name)) {
      throw refuse(`the value of ${JSON.stringify(name)} is not what was recorded`);
    }
    disclosed[name] = value;
  }
  return { record, disclosed, withheld: hidden.filter((name) => !Object.hasOwn(disclosed, name)) };
}

function parseDisclosure(text: string): [string, unknown] {
  const bytes = Buffer.from(text, 'base64url');
  const parsed = bytes.toString('base64url') === text ? parseJson(asText(bytes, maxShownBytes, 'value')) : undefined;
  if (!Array.isArray(parsed) || parsed.length !== 3 || typeof parsed[1] !== 'string') {
    throw refuse('a personal value of the proof cannot be read');
  }
  return [parsed[1], parsed[2]];
}

function parseObject(text: string): Record<string, unknown> {
  const parsed = parseJson(text);
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw refuse('the record of the proof cannot be read');
  }
  return parsed as Record<string, unknown>;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw refuse('what the proof carries is no JSON', cause);
  }
}

const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((one) => typeof one === 'string');
