/**
 * Checks an evidence bundle with nothing but Node and the public key of the log: the manifest is the one whose digest the log has on
 * record, every file is the one that the manifest names, every record stands in the tree of the bundle's checkpoint, and the rows of an access review
 * are as these records tell.
 */
import { hash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkProof, readShown } from './check-proof.ts';
import { checkReview, type ProvedRecord, type ReviewFile, reviewName } from './check-review.ts';
import { isIncluded } from './check-tree.ts';
import { type CheckpointKeys, openCheckpoint } from './checkpoint.ts';
import { leafHash } from './tree-hash.ts';

export const manifestName = 'manifest.json';
export const sealName = 'manifest.tlog-proof';
export const checkpointName = 'checkpoint';
export const recordsName = 'records.ndjson';

export interface Manifest {
  readonly postern: 'evidence@1';
  readonly from: number;
  readonly to: number;
  readonly records: number;
  /** Hex SHA-256 by the path below the folder: all but the manifest and its seal. */
  readonly files: Readonly<Record<string, string>>;
}

export interface BundleVerdict {
  readonly holds: boolean;
  readonly files: number;
  readonly records: number;
  /** Each names its file. */
  readonly faults: readonly { readonly file: string; readonly what: string }[];
}

export const digestOf = (bytes: Uint8Array): string => hash('sha256', bytes, 'hex');

/** Never throws for what is in the folder: whatever does not fit is a fault of its file. */
export function checkBundle(dir: string, keys: CheckpointKeys): BundleVerdict {
  const faults: { file: string; what: string }[] = [];
  const attempt = <T>(file: string, run: (bytes: Buffer) => T): T | undefined => {
    try {
      return run(readFileSync(join(dir, file)));
    } catch (error) {
      faults.push({ file, what: (error as Error).message });
      return undefined;
    }
  };
  const sealed = attempt(sealName, (bytes) => {
    const { disclosed } = checkProof(bytes, keys);
    const { manifest } = (disclosed['details'] ?? {}) as { manifest?: unknown };
    if (typeof manifest !== 'string') throw new Error('it proves no manifest');
    return manifest;
  });
  const manifest = attempt(manifestName, (bytes) => {
    // What else is not right is told all the same.
    if (sealed !== undefined && digestOf(bytes) !== sealed)
      faults.push({ file: manifestName, what: 'it is not the manifest that the log has on record: it was altered' });
    return readManifest(bytes);
  });
  if (manifest === undefined) return { holds: false, files: 0, records: 0, faults };
  for (const [file, digest] of Object.entries(manifest.files))
    attempt(file, (bytes) => {
      if (digestOf(bytes) !== digest) throw new Error('it is not the file that the manifest names: it was altered');
    });
  for (const file of listFiles(dir))
    if (file !== manifestName && file !== sealName && !Object.hasOwn(manifest.files, file))
      faults.push({ file, what: 'it is not in the manifest: it was added' });
  const head = attempt(checkpointName, (bytes) => openCheckpoint(bytes, keys));
  const read = head === undefined ? undefined : attempt(recordsName, (bytes) => checkRecords(bytes, head));
  const records = read?.count ?? 0;
  if (head !== undefined && records !== manifest.records)
    faults.push({ file: recordsName, what: `${records} records hold, and the manifest counts ${manifest.records}` });
  if (read !== undefined && Object.hasOwn(manifest.files, reviewName))
    for (const what of attempt(reviewName, (bytes) => checkReview(readReview(bytes), read.reviewed)) ?? [])
      faults.push({ file: reviewName, what });
  return { holds: faults.length === 0, files: Object.keys(manifest.files).length + 2, records, faults };
}

function readManifest(bytes: Buffer): Manifest {
  const manifest = JSON.parse(bytes.toString()) as Manifest;
  const { files, postern } = manifest;
  if (postern !== 'evidence@1' || typeof files !== 'object' || files === null) throw new Error('it is no manifest');
  for (const file of [checkpointName, recordsName])
    if (!Object.hasOwn(files, file)) throw new Error(`it names no ${file}`);
  const isPlain = (path: string) => path.split('/').every((part) => /^[\w.-]+$/.test(part) && !/^\.+$/.test(part));
  if (!Object.keys(files).every(isPlain)) throw new Error('it names a file outside the folder');
  return manifest;
}

function checkRecords(bytes: Buffer, head: { readonly size: number; readonly root: Buffer }) {
  // All others are proved and forgotten.
  const reviewed: ProvedRecord[] = [];
  const lines = bytes
    .toString()
    .split('\n')
    .filter((line) => line !== '');
  for (const [at, line] of lines.entries()) {
    const { index, leaf, disclosures, path } = JSON.parse(line) as Record<'leaf', string> &
      Record<'disclosures' | 'path', string[]> & { index: number };
    const hashes = path.map((text) => Buffer.from(text, 'base64'));
    if (!isIncluded(leafHash(Buffer.from(leaf)), index, hashes, head))
      throw new Error(`line ${at + 1}: the record is not what stands at leaf ${index} of the log`);
    const shown = readShown({ leaf, disclosures });
    if (shown.record['kind'] === 'review') reviewed.push(shown);
  }
  return { count: lines.length, reviewed };
}

function readReview(bytes: Buffer): ReviewFile {
  const file = JSON.parse(bytes.toString()) as ReviewFile;
  if (typeof file.review?.name !== 'string' || !Array.isArray(file.rows)) throw new Error('it is no access review');
  return file;
}

function listFiles(dir: string, below = ''): string[] {
  return readdirSync(join(dir, below), { withFileTypes: true }).flatMap((entry) => {
    const path = below === '' ? entry.name : `${below}/${entry.name}`;
    return entry.isDirectory() ? listFiles(dir, path) : [path];
  });
}
