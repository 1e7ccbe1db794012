/**
 * One line of a spool: `<crc32 as 8 hex digits> <JSON>\n`. The JSON is one entry, or a list of such as have a number: what was written in one
 * turn of the event loop, since a checksum for each would cost more than writing it. An entry is one of
 * - `{seq, record}`: a record on its way to the controller;
 * - `{seq, like, own}`: the same, an opening of which the rest is as in the opening at number `like` of this segment (`alike-openings.ts`);
 * - `{seq, later}`: the same, of an access whose opening stands before it in this segment: only what is neither as there nor as usual
 *   (`later-record.ts`);
 * - `{carry}`: the opening record of an access that was still open when its segment was left for this one;
 * - `{left: true, denials, last}`: the writer left this segment; what was open was carried on, or closed by recovery. `denials`: how
 *   many bytes of it are refusals. `last`: the last number in it.
 */
import { crc32 } from 'node:zlib';
import { GrowingNumber } from '#shared/base/growing-number.ts';
import type { AccessRecord, SpooledRecord } from '#shared/contracts/record.ts';
import type { AlikeEntry } from './alike-openings.ts';
import type { WrittenLater } from './later-record.ts';

export type SpoolEntry =
  | SpooledRecord
  | AlikeEntry
  | { readonly seq: number; readonly later: WrittenLater }
  | { readonly carry: AccessRecord }
  | { readonly left: true; readonly denials: number; readonly last: number };

export const encodeLine = (...entries: readonly SpoolEntry[]): string =>
  entryLine(entries.map((entry) => JSON.stringify(entry)).join(','), entries.length);

const numbers = new GrowingNumber();

/** Entries of a part that is JSON already. */
export const numberedEntry = (seq: number, what: 'record' | 'later', json: string): string =>
  `{"seq":${numbers.text(seq)},"${what}":${json}}`;
export const alikeEntry = (seq: number, like: number, members: string): string =>
  `{"seq":${numbers.text(seq)},"like":${like},"own":{${members}}}`;
export const carryLine = (json: string): string => withChecksum(`{"carry":${json}}`);

/** `entries`: `count` of them, with commas between. */
export const entryLine = (entries: string, count: number): string =>
  withChecksum(count === 1 ? entries : `[${entries}]`);

const withChecksum = (json: string): string => `${checksum(json)} ${json}\n`;

/** Longer than the line that ends a segment. */
export const endBytes = 128;

/** The last whole line of a segment, if it is the one that ends it. `tail`: the last bytes of the file. */
export function decodeEnd(tail: Buffer): Extract<SpoolEntry, { left: true }> | undefined {
  if (tail.at(-1) !== 10) return undefined;
  const [entry] = decodeLine(tail.toString('utf8', tail.lastIndexOf(10, tail.length - 2) + 1, tail.length - 1)) ?? [];
  return entry !== undefined && 'left' in entry ? entry : undefined;
}

/** What a record counts in the share of refusals; 0 for any other. */
export const denialBytes = (record: AccessRecord): number =>
  record.verdict === 'deny' && record.phase === 'single' ? JSON.stringify(record).length : 0;

/** The entries of a line; `text`: without its end. Nothing where it is not what a writer of ours wrote. */
export function decodeLine(text: string): readonly SpoolEntry[] | undefined {
  const json = text.slice(9);
  if (text[8] !== ' ' || checksum(json) !== text.slice(0, 8)) return undefined;
  try {
    const line: unknown = JSON.parse(json);
    if (Array.isArray(line)) return line.length > 1 && line.every(isNumbered) ? line : undefined;
    return isEntry(line) ? [line] : undefined;
  } catch {
    return undefined;
  }
}

/** The checksum says that a line is whole, not that a writer of ours made it. What a record holds is the controller's to judge. */
function isEntry(entry: unknown): entry is SpoolEntry {
  if (!isObject(entry)) return false;
  if ('left' in entry) return entry['left'] === true && isCount(entry['denials']) && isCount(entry['last']);
  return 'carry' in entry ? isObject(entry['carry']) : isNumbered(entry);
}

function isNumbered(entry: unknown): boolean {
  if (!isObject(entry) || 'left' in entry || 'carry' in entry) return false;
  if (!isCount(entry['seq']) || entry['seq'] === 0) return false;
  if ('later' in entry) return isLater(entry['later']);
  if ('like' in entry) return isCount(entry['like']) && isObject(entry['own']);
  return isObject(entry['record']);
}

const isLater = (later: unknown): boolean =>
  isObject(later) &&
  typeof later['opening'] === 'string' &&
  (later['phase'] === undefined || later['phase'] === 'progress' || later['phase'] === 'closing');

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Every two hex digits: `toString(16)` of a number above 2^31 takes as long as the checksum itself. */
const hex = Array.from({ length: 256 }, (_, value) => value.toString(16).padStart(2, '0'));

/** Of JSON as text or as its UTF-8. */
export function checksum(json: string | Buffer): string {
  const sum = crc32(json);
  return `${hex[sum >>> 24]}${hex[(sum >>> 16) & 0xff]}${hex[(sum >>> 8) & 0xff]}${hex[sum & 0xff]}`;
}
