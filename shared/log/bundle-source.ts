/** The files of an evidence bundle, in a folder or in one tar file: listed at first, then read piece by piece, none of them whole. */
import { closeSync, constants, fstatSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { blockBytes, paddingOf, readTarHeader } from './tar.ts';

export interface BundleSource {
  /** By the path in the bundle. */
  readonly files: ReadonlyMap<string, BundleFile>;
  /** What belongs into no bundle, or cannot be read as one. */
  readonly refused: readonly { readonly file: string; readonly what: string }[];
  close(): void;
}

export interface BundleFile {
  /** Each piece holds until the next one is asked for. Throws when the file is not to be had as it was listed. */
  pieces(): Generator<Buffer>;
}

/** Far above what a bundle has. */
const mostFiles = 10_000;
const pieceBytes = 256 * 1024;
const onlyFiles = 'and a bundle has plain files alone';

/** Nothing that stands behind this place can be listed. */
class EndOfList extends Error {
  readonly file: string;

  constructor(file: string, what: string) {
    super(what);
    this.file = file;
  }
}

class Listing {
  readonly files = new Map<string, BundleFile>();
  readonly refused: { file: string; what: string }[] = [];

  /** `wrong`: why it is not taken. */
  add(name: string, wrong: string | undefined, file: BundleFile): void {
    if (this.files.size + this.refused.length >= mostFiles)
      throw new EndOfList(name, `a bundle has not more than ${mostFiles} files`);
    if (wrong === undefined) this.files.set(name, file);
    else this.refused.push({ file: name, what: wrong });
  }

  fill(list: () => void): void {
    try {
      list();
    } catch (error) {
      if (!(error instanceof EndOfList)) throw error;
      this.refused.push({ file: error.file, what: error.message });
    }
  }
}

/** Throws what the system says when there is nothing at `path`. */
export function openBundle(path: string): BundleSource {
  const listing = new Listing();
  const { files, refused } = listing;
  if (statSync(path).isDirectory()) {
    listing.fill(() => listFolder(path, '', listing));
    return { files, refused, close: () => {} };
  }
  const fd = openSync(path, 'r');
  const close = () => closeSync(fd);
  try {
    listing.fill(() => listTar(fd, basename(path), listing));
  } catch (error) {
    close();
    throw error;
  }
  return { files, refused, close };
}

function listFolder(dir: string, below: string, listing: Listing): void {
  for (const entry of readdirSync(join(dir, below), { withFileTypes: true })) {
    const path = below === '' ? entry.name : `${below}/${entry.name}`;
    if (entry.isDirectory()) {
      listFolder(dir, path, listing);
      continue;
    }
    const kind = entry.isSymbolicLink() ? 'a symbolic link' : 'something else than a file';
    const wrong = entry.isFile() ? undefined : `it is ${kind}, ${onlyFiles}`;
    listing.add(path, wrong, { pieces: () => piecesOfFile(join(dir, path)) });
  }
}

function listTar(fd: number, whole: string, listing: Listing): void {
  const { size: length } = fstatSync(fd);
  const block = Buffer.alloc(2 * blockBytes);
  const isZero = (at: number, bytes: number): boolean =>
    readSync(fd, block, 0, bytes, at) === bytes && block.subarray(0, bytes).every((one) => one === 0);
  let at = 0;
  const readBlock = (): boolean => at + blockBytes <= length && readSync(fd, block, 0, blockBytes, at) === blockBytes;
  while (readBlock() && block.subarray(0, blockBytes).some((one) => one !== 0)) {
    const { name, size, wrong } = readTarHeader(block.subarray(0, blockBytes));
    if (size === undefined) throw new EndOfList(name === '' ? whole : name, wrong);
    const from = at + blockBytes;
    const end = from + size;
    at = end + paddingOf(size);
    if (at > length) throw new EndOfList(name, 'it is cut short');
    let why = wrong;
    if (listing.files.has(name)) why ??= 'it is there twice';
    if (!isZero(end, paddingOf(size))) why ??= 'there is more behind its end';
    listing.add(name, why, { pieces: () => piecesBetween(fd, from, end) });
  }
  const left = length - at;
  if (left < 2 * blockBytes) throw new EndOfList(whole, 'it is cut short: its end is missing');
  if (left > 2 * blockBytes || !isZero(at, left)) throw new EndOfList(whole, 'there is more behind its end');
}

function* piecesOfFile(path: string): Generator<Buffer> {
  // What became a link since it was listed is not followed.
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    yield* piecesBetween(fd, 0, fstatSync(fd).size);
  } finally {
    closeSync(fd);
  }
}

function* piecesBetween(fd: number, from: number, to: number): Generator<Buffer> {
  const piece = Buffer.allocUnsafe(Math.min(pieceBytes, to - from));
  for (let at = from; at < to; ) {
    const read = readSync(fd, piece, 0, Math.min(piece.length, to - at), at);
    if (read === 0) throw new Error('it was cut short while it was read');
    at += read;
    yield piece.subarray(0, read);
  }
}
