/**
 * Bundles as one file: POSIX tar (IEEE 1003.1 ustar) of plain files alone. One header has one spelling here, so that nothing stands in an
 * archive that nobody reads: what another program packed, with folders, owners or longer names, is not taken.
 */

export const blockBytes = 512;
/** Eleven octal digits. */
export const maxTarFileBytes = 8 ** 11 - 1;
const maxName = 100;
const kinds: Readonly<Record<string, string>> = { 1: 'a hard link', 2: 'a symbolic link', 5: 'a folder' };

export interface TarHeader {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** Seconds. */
  readonly time: number;
}

/** Throws RangeError for what the form cannot hold. */
export function tarHeader({ name, size, time }: TarHeader): Buffer {
  if (!isTarName(name) || !(size >= 0 && size <= maxTarFileBytes))
    throw new RangeError(`${name} does not fit into a tar file`);
  const block = Buffer.alloc(blockBytes);
  block.write(name, 0, 'latin1');
  block.write(`0000600\0${'0000000\0'.repeat(2)}${octal(size)}\0${octal(time)}\0        0`, maxName, 'latin1');
  block.write('ustar\x0000', 257, 'latin1');
  block.write(`${checksum(block)}\0 `, 148, 'latin1');
  return block;
}

/** Zeros after a file up to the next block. */
export const paddingOf = (size: number): number => (blockBytes - (size % blockBytes)) % blockBytes;

/** The archive's end. */
export const tarEnd = Buffer.alloc(2 * blockBytes);

export type ReadHeader =
  | { readonly name: string; readonly size: number; readonly wrong?: string | undefined }
  /** Where it ends cannot be told. */
  | { readonly name: string; readonly size?: undefined; readonly wrong: string };

/** Of a block that is not all zeros. `wrong`: why it is not taken. */
export function readTarHeader(block: Buffer): ReadHeader {
  const name = textAt(block, 0, maxName);
  const size = octalAt(block, 124);
  const time = octalAt(block, 136);
  if (size === undefined || time === undefined || block.toString('latin1', 148, 154) !== checksum(block))
    return { name, wrong: 'its header cannot be read' };
  const kind = String.fromCharCode(block[156]!);
  const wrong = () => {
    if (kind !== '0') return `it is ${kinds[kind] ?? 'something else than a file'}, and a bundle has plain files alone`;
    if (!isTarName(name)) return 'a bundle has no file of such a name';
    return tarHeader({ name, size, time }).equals(block) ? undefined : 'its header is not as a bundle is written';
  };
  return { name, size, wrong: wrong() };
}

/** Names of letters, digits, `_`, `-` and dots, in folders: none that leads out of where it is unpacked. */
export const isTarName = (name: string): boolean =>
  name.length < maxName && name.split('/').every((part) => /^[\w.-]+$/.test(part) && !/^\.+$/.test(part));

const octal = (value: number): string => value.toString(8).padStart(11, '0');

function octalAt(block: Buffer, at: number): number | undefined {
  const text = block.toString('latin1', at, at + 12);
  return /^[0-7]{11}\0$/.test(text) ? Number.parseInt(text, 8) : undefined;
}

function textAt(block: Buffer, at: number, most: number): string {
  const end = block.subarray(at, at + most).indexOf(0);
  return block.toString('latin1', at, at + (end < 0 ? most : end));
}

/** The sum of all bytes, its own place taken for spaces. */
function checksum(block: Buffer): string {
  let sum = 8 * 0x20;
  for (let at = 0; at < blockBytes; at += 1) if (at < 148 || at >= 156) sum += block[at]!;
  return sum.toString(8).padStart(6, '0');
}
