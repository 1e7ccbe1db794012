/**
 * One line of a spool: `<crc32 as 8 hex digits> <JSON>\n`. The JSON is one of
 * - `{seq, record}`: a record on its way to the controller;
 * - `{carry}`: the opening record of an access that was still open when its segment was left for this one;
 * - `{left: true, denials, last}`: the writer left this segment; what was open was carried on, or closed by recovery. `denials`: how
 *   many bytes of it are refusals. `last`: the last number in it.
 */
import { crc32 } from 'node:zlib';
import type { AccessRecord, SpooledRecord } from '#shared/contracts/record.ts';

export type SpoolLine =
  | SpooledRecord
  | { readonly carry: AccessRecord }
  | { readonly left: true; readonly denials: number; readonly last: number };

export function encodeLine(line: SpoolLine): string {
  const json = JSON.stringify(line);
  return `${checksum(json)} ${json}\n`;
}

/** Longer than the line that ends a segment. */
export const endBytes = 128;

/** The last whole line of a segment, if it is the one that ends it. `tail`: the last bytes of the file. */
export function decodeEnd(tail: Buffer): Extract<SpoolLine, { left: true }> | undefined {
  if (tail.at(-1) !== 10) return undefined;
  const line = decodeLine(tail.toString('utf8', tail.lastIndexOf(10, tail.length - 2) + 1, tail.length - 1));
  return line !== undefined && 'left' in line ? line : undefined;
}

/** What a record counts in the share of refusals; 0 for any other. */
export const denialBytes = (record: AccessRecord): number =>
  record.verdict === 'deny' && record.phase === 'single' ? JSON.stringify(record).length : 0;

/** `text`: without the end of line. Nothing where it is not what a writer of ours wrote. */
export function decodeLine(text: string): SpoolLine | undefined {
  const json = text.slice(9);
  if (text[8] !== ' ' || checksum(json) !== text.slice(0, 8)) return undefined;
  try {
    const line: unknown = JSON.parse(json);
    return isSpoolLine(line) ? line : undefined;
  } catch {
    return undefined;
  }
}

/** The checksum says that a line is whole, not that a writer of ours made it. What a record holds is the controller's to judge. */
function isSpoolLine(line: unknown): line is SpoolLine {
  if (!isObject(line)) return false;
  if ('left' in line) return line['left'] === true && isCount(line['denials']) && isCount(line['last']);
  if ('carry' in line) return isObject(line['carry']);
  return isCount(line['seq']) && line['seq'] > 0 && isObject(line['record']);
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const four = Buffer.alloc(4);

/** By way of bytes: `toString(16)` of a number above 2^31 takes as long as the checksum itself. */
function checksum(json: string): string {
  four.writeUInt32BE(crc32(json));
  return four.toString('hex');
}
