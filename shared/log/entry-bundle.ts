/** Bundles of entries (C2SP tlog-tiles): each entry after its length of 16 bits, big-endian. */
import { refuse } from './signed-note.ts';

/** Exactly `count` entries and nothing behind them. Throws `proof-refused`. */
export function parseEntries(bytes: Uint8Array, count: number): Buffer[] {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const entries: Buffer[] = [];
  let at = 0;
  while (entries.length < count && at + 2 <= all.length) {
    const end = at + 2 + all.readUInt16BE(at);
    if (end > all.length) break;
    entries.push(all.subarray(at + 2, end));
    at = end;
  }
  if (entries.length !== count || at !== all.length)
    throw refuse(`a bundle has not the ${count} entries that it must have`);
  return entries;
}
