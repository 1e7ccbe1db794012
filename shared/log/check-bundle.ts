/**
 * Checks an evidence bundle with nothing but Node and the public key of the log: the manifest is the one whose digest the log has on
 * record, every file is the one that the manifest names, every record stands in the tree of the bundle's checkpoint, that tree is the
 * beginning of the one in which the manifest is on record, and the rows of an access review are as these records tell. Files are read piece by
 * piece, so that it needs no more memory for a million records.
 */
import { createHash, hash } from 'node:crypto';
import { type BundleFile, type BundleSource, openBundle } from './bundle-source.ts';
import { checkProof, readShown, shownOf } from './check-proof.ts';
import { checkReview, type ProvedRecord, type ReviewFile, reviewName } from './check-review.ts';
import { isConsistent, isIncluded } from './check-tree.ts';
import { type CheckpointKeys, missingWitnesses, type OpenedCheckpoint, openCheckpoint } from './checkpoint.ts';
import { parseGrowth } from './growth-file.ts';
import { parseProofFile } from './proof-file.ts';
import { maxNoteBytes } from './signed-note.ts';
import { isTarName } from './tar.ts';
import { leafHash } from './tree-hash.ts';

export const manifestName = 'manifest.json';
/** That its digest is on record. */
export const sealName = 'manifest.tlog-proof';
/** That the log of this record goes on from that of the records. */
export const growthName = 'manifest.growth';
export const checkpointName = 'checkpoint';
export const recordsName = 'records.ndjson';
/** What is made when the manifest is on record, and is proved by itself. */
export const beside: readonly string[] = [manifestName, sealName, growthName];

export interface Manifest {
  readonly postern: 'evidence@2';
  readonly from: number;
  readonly to: number;
  readonly records: number;
  /** Hex SHA-256 by the path in the bundle: of all but those beside it. */
  readonly files: Readonly<Record<string, string>>;
}

export interface BundleVerdict {
  readonly holds: boolean;
  readonly files: number;
  readonly records: number;
  /** Of the log when the records were read, and when the manifest was put on record. */
  readonly sizes?: readonly [number, number];
  /** Each names its file; the first thousand. */
  readonly faults: readonly { readonly file: string; readonly what: string }[];
}

const mostFaults = 1000;
const maxProofBytes = 16 * 1024 * 1024;
const maxManifestBytes = 4 * 1024 * 1024;
const maxReviewBytes = 256 * 1024 * 1024;
const maxLineBytes = 32 * 1024 * 1024;
/** No tree that we count is higher. */
const maxPath = 63;
/** Lists and objects of the largest review, with room: what is read needs far more memory than its text. */
const maxReviewParts = 2_000_000;
const maxReviewCommas = 16_000_000;

export const digestOf = (bytes: Uint8Array): string => hash('sha256', bytes, 'hex');

/** `path`: a folder or a tar file. Never throws for what is in there: whatever does not fit is a fault of its file. */
export function checkBundle(path: string, keys: CheckpointKeys): BundleVerdict {
  const source = openBundle(path);
  try {
    return checkSource(source, keys);
  } finally {
    source.close();
  }
}

function checkSource({ files, refused }: BundleSource, keys: CheckpointKeys): BundleVerdict {
  const faults = refused.slice(0, mostFaults);
  const tell = (file: string, what: string) => void (faults.length < mostFaults && faults.push({ file, what }));
  const attempt = <T>(file: string, run: (bytes: BundleFile) => T): T | undefined => {
    const found = files.get(file);
    try {
      if (found === undefined) throw new Error('it is missing');
      return run(found);
    } catch (error) {
      tell(file, (error as Error).message);
      return undefined;
    }
  };
  const seal = attempt(sealName, (file) => {
    const bytes = wholeOf(file, maxProofBytes);
    const { record, disclosed } = checkProof(bytes, keys);
    const { manifest } = (disclosed['details'] ?? {}) as { manifest?: unknown };
    if (record['kind'] !== 'log' || record['event'] !== 'bundle-sealed' || typeof manifest !== 'string')
      throw new Error('it proves no manifest');
    const last = openCheckpoint(parseProofFile(bytes).checkpoint, keys);
    requireWitnesses(last, keys);
    return { manifest, head: last };
  });
  const manifest = attempt(manifestName, (file) => {
    const bytes = wholeOf(file, maxManifestBytes);
    if (seal !== undefined && digestOf(bytes) !== seal.manifest)
      tell(manifestName, 'it is not the manifest that the log has on record: it was altered');
    // What else is not right is told all the same.
    return readManifest(bytes);
  });
  if (manifest === undefined) return { holds: false, files: 0, records: 0, faults };
  for (const [name, digest] of Object.entries(manifest.files))
    attempt(name, (file) => {
      const sum = createHash('sha256');
      for (const piece of file.pieces()) sum.update(piece);
      if (sum.digest('hex') !== digest) throw new Error('it is not the file that the manifest names: it was altered');
    });
  const head = attempt(checkpointName, (file) => {
    const opened = openCheckpoint(wholeOf(file, maxNoteBytes), keys);
    requireWitnesses(opened, keys);
    return opened;
  });
  const reviewed: ProvedRecord[] = [];
  let records = 0;
  if (head !== undefined)
    attempt(recordsName, (file) => {
      for (const shown of checkedRecords(file.pieces(), head)) {
        records += 1;
        // All others are proved and forgotten.
        if (shown.record['kind'] === 'review') reviewed.push(shown);
      }
    });
  for (const file of files.keys())
    if (!beside.includes(file) && !Object.hasOwn(manifest.files, file))
      tell(file, 'it is not in the manifest: it was added');
  if (head !== undefined && records !== manifest.records)
    tell(recordsName, `${records} records hold, and the manifest counts ${manifest.records}`);
  if (Object.hasOwn(manifest.files, reviewName))
    for (const what of attempt(reviewName, (file) => checkReview(readReview(file), reviewed)) ?? [])
      tell(reviewName, what);
  if (head !== undefined && seal !== undefined)
    attempt(growthName, (file) => checkGrowth(wholeOf(file, maxProofBytes), head, seal.head, keys));
  const sizes = head === undefined || seal === undefined ? {} : { sizes: [head.size, seal.head.size] as const };
  const count = Object.keys(manifest.files).length + beside.length;
  return { holds: faults.length === 0, files: count, records, ...sizes, faults };
}

/** Of the records and of the manifest: what only the former is under, somebody may have sealed in a log that no witness has seen. */
function requireWitnesses(opened: OpenedCheckpoint, { witnesses = [] }: CheckpointKeys): void {
  for (const { name } of missingWitnesses(opened, witnesses)) throw new Error(`the witness ${name} has not signed`);
}

function readManifest(bytes: Buffer): Manifest {
  const manifest = JSON.parse(bytes.toString()) as Manifest;
  const { files, postern } = manifest;
  if (postern !== 'evidence@2' || typeof files !== 'object' || files === null) throw new Error('it is no manifest');
  for (const file of [checkpointName, recordsName])
    if (!Object.hasOwn(files, file)) throw new Error(`it names no ${file}`);
  if (!Object.keys(files).every(isTarName)) throw new Error('it names a file outside the bundle');
  return manifest;
}

/** Throws where one log does not go on from the other: then there are two, and one of them was shown to somebody else. */
function checkGrowth(bytes: Buffer, head: OpenedCheckpoint, last: OpenedCheckpoint, keys: CheckpointKeys): void {
  const { from, path, checkpoint } = parseGrowth(bytes);
  const to = openCheckpoint(checkpoint, keys);
  if (from !== head.size || to.size !== last.size || !to.root.equals(last.root) || to.origin !== last.origin)
    throw new Error('it is not about the checkpoints of this bundle');
  if (head.origin !== last.origin)
    throw new Error(`the records are of ${head.origin}, and the manifest is on record in ${last.origin}`);
  if (!isConsistent(head, last, path))
    throw new Error('the log of the manifest does not go on from that of the records');
}

function readReview(file: BundleFile): ReviewFile {
  const bytes = wholeOf(file, maxReviewBytes);
  let [parts, commas] = [0, 0];
  for (const byte of bytes) {
    if (byte === 0x7b || byte === 0x5b) parts += 1;
    else if (byte === 0x2c) commas += 1;
  }
  if (parts > maxReviewParts || commas > maxReviewCommas) throw new Error('it has more than any access review');
  const read = JSON.parse(bytes.toString()) as ReviewFile;
  if (typeof read.review?.name !== 'string' || !Array.isArray(read.rows)) throw new Error('it is no access review');
  return read;
}

/** Those that stand in the tree, one by one. Throws at the first that does not. */
function* checkedRecords(pieces: Iterable<Buffer>, head: OpenedCheckpoint): Generator<ProvedRecord> {
  let number = 0;
  let before = -1;
  for (const line of linesOf(pieces)) {
    number += 1;
    const { index, path, ...rest } = JSON.parse(line) as { index: number; path: string[] };
    // What is hashed is the text that is read: a list would be bytes for the one and something else for the other.
    const shown = shownOf(rest);
    if (!Array.isArray(path) || path.length > maxPath) throw new Error(`line ${number}: it has no path up to the root`);
    const hashes = path.map((text) => Buffer.from(text, 'base64'));
    if (!isIncluded(leafHash(Buffer.from(shown.leaf)), index, hashes, head))
      throw new Error(`line ${number}: the record is not what stands at leaf ${index} of the log`);
    if (index <= before) throw new Error(`line ${number}: leaf ${index} stands there twice or out of order`);
    before = index;
    yield readShown(shown);
  }
}

function* linesOf(pieces: Iterable<Buffer>): Generator<string> {
  let parts: Buffer[] = [];
  let length = 0;
  for (const piece of pieces) {
    let from = 0;
    for (let end = piece.indexOf(10); end >= 0; end = piece.indexOf(10, from)) {
      const last = piece.subarray(from, end);
      yield parts.length === 0 ? last.toString() : Buffer.concat([...parts, last]).toString();
      parts = [];
      length = 0;
      from = end + 1;
    }
    if (from === piece.length) continue;
    length += piece.length - from;
    if (length > maxLineBytes) throw new Error('it has a line that no record has');
    // The piece is used again for what follows.
    parts.push(Buffer.from(piece.subarray(from)));
  }
  if (parts.length > 0) throw new Error('its last line is cut short');
}

function wholeOf(file: BundleFile, most: number): Buffer {
  const parts: Buffer[] = [];
  let length = 0;
  for (const piece of file.pieces()) {
    length += piece.length;
    if (length > most) throw new Error(`it is larger than ${most} bytes`);
    parts.push(Buffer.from(piece));
  }
  return Buffer.concat(parts);
}
