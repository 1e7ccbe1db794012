/** Sets of places in a block of the index, as bits, and the two forms in which they are kept: a list of 16-bit numbers, or the bits. */

export type Bits = Uint32Array<ArrayBuffer>;

export const emptyBits = (span: number): Bits => new Uint32Array(span >>> 5);

/** `places` ascending. The smaller form, after one byte that says which: 0 a list, 1 bits. */
export function encodePlaces(places: readonly number[], span: number): Uint8Array {
  if (places.length * 2 <= span >>> 3) {
    const bytes = new Uint8Array(1 + places.length * 2);
    places.forEach((place, index) => {
      bytes[1 + 2 * index] = place & 0xff;
      bytes[2 + 2 * index] = place >>> 8;
    });
    return bytes;
  }
  const bytes = new Uint8Array(1 + (span >>> 3));
  bytes[0] = 1;
  for (const place of places) bytes[1 + (place >>> 3)]! |= 1 << (place & 7);
  return bytes;
}

/** Ascending. */
export function decodePlaces(bytes: Uint8Array): number[] {
  const places: number[] = [];
  if (bytes[0] === 0) {
    for (let at = 1; at < bytes.length; at += 2) places.push(bytes[at]! | (bytes[at + 1]! << 8));
    return places;
  }
  for (let at = 1; at < bytes.length; at++) {
    for (let byte = bytes[at]!, bit = 0; byte !== 0; byte >>>= 1, bit++) if (byte & 1) places.push((at - 1) * 8 + bit);
  }
  return places;
}

/** Adds an encoded set to `bits`. */
export function addEncoded(bits: Bits, bytes: Uint8Array): void {
  if (bytes[0] === 0) {
    for (let at = 1; at < bytes.length; at += 2) {
      const place = bytes[at]! | (bytes[at + 1]! << 8);
      bits[place >>> 5]! |= 1 << (place & 31);
    }
    return;
  }
  for (let word = 0, at = 1; word < bits.length; word++, at += 4)
    bits[word]! |= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}

export function addPlaces(bits: Bits, places: Iterable<number>): void {
  for (const place of places) bits[place >>> 5]! |= 1 << (place & 31);
}

/** Keeps in `bits` what is in `others` too; false when nothing is left. */
export function intersect(bits: Bits, others: Bits): boolean {
  let any = 0;
  for (let word = 0; word < bits.length; word++) {
    bits[word]! &= others[word]!;
    any |= bits[word]!;
  }
  return any !== 0;
}

export function countBits(bits: Bits): number {
  let count = 0;
  for (const word of bits) count += ones(word);
  return count;
}

/** How many an encoded set shares with `bits`. */
export function countShared(bits: Bits, bytes: Uint8Array): number {
  let count = 0;
  if (bytes[0] === 0) {
    for (let at = 1; at < bytes.length; at += 2) {
      const place = bytes[at]! | (bytes[at + 1]! << 8);
      count += (bits[place >>> 5]! >>> (place & 31)) & 1;
    }
    return count;
  }
  for (let word = 0, at = 1; word < bits.length; word++, at += 4) {
    const other = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    count += ones(bits[word]! & other);
  }
  return count;
}

export function ones(word: number): number {
  let n = word - ((word >>> 1) & 0x55555555);
  n = (n & 0x33333333) + ((n >>> 2) & 0x33333333);
  return Math.imul((n + (n >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/** Places in ascending order, or descending. */
export function* placesOf(bits: Bits, descending: boolean): Generator<number> {
  for (let step = 0; step < bits.length; step++) {
    const at = descending ? bits.length - 1 - step : step;
    let word = bits[at]!;
    while (word !== 0) {
      const bit = descending ? 31 - Math.clz32(word) : 31 - Math.clz32(word & -word);
      word &= ~(1 << bit);
      yield at * 32 + bit;
    }
  }
}
