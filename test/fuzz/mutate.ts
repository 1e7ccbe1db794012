/** Bytes made of good ones by a few edits, which fast-check can shrink back to the one that matters. */
import fc from 'fast-check';

export type Edit =
  | { readonly kind: 'flip'; readonly at: number; readonly bits: number }
  | { readonly kind: 'insert'; readonly at: number; readonly bytes: Uint8Array }
  | { readonly kind: 'cut'; readonly at: number; readonly length: number }
  | { readonly kind: 'repeat'; readonly at: number; readonly length: number; readonly times: number }
  | { readonly kind: 'end'; readonly at: number };

/** What parsers trip over, whatever they parse. */
const usual = [
  '\0',
  '\n',
  '\r\n',
  '\r',
  '\t',
  '"',
  '\\',
  '.',
  '%',
  '\u2028',
  '\ud800',
  '\ufeff',
  '-1',
  '1e309',
  'null',
];

export interface EditOptions {
  /** Worth inserting in what is fuzzed. */
  readonly tokens?: readonly string[];
  readonly most?: number;
}

export const mutated = (good: fc.Arbitrary<Buffer>, options: EditOptions = {}): fc.Arbitrary<Buffer> =>
  fc.tuple(good, edits(options)).map(([bytes, list]) => applyEdits(bytes, list));

/** At most `most`, often none. Apart from the bytes, where those are made anew in each run (keys, signatures). */
export function edits({ tokens = [], most = 4 }: EditOptions = {}): fc.Arbitrary<Edit[]> {
  const at = fc.nat(0xffff);
  const token = fc.constantFrom(...usual, ...tokens).map((text) => Uint8Array.from(Buffer.from(text)));
  const edit: fc.Arbitrary<Edit> = fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({ kind: fc.constant('flip' as const), at, bits: fc.integer({ min: 1, max: 255 }) }),
    },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('insert' as const), at, bytes: token }) },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('insert' as const),
        at,
        bytes: fc.uint8Array({ minLength: 1, maxLength: 8 }),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant('cut' as const), at, length: fc.integer({ min: 1, max: 40 }) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('repeat' as const),
        at,
        length: fc.integer({ min: 1, max: 60 }),
        times: fc.oneof(fc.integer({ min: 1, max: 4 }), fc.constant(400)),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('end' as const), at }) },
  );
  return fc.oneof(fc.constant<Edit[]>([]), fc.array(edit, { minLength: 1, maxLength: most }));
}

export const applyEdits = (bytes: Buffer, list: readonly Edit[]): Buffer => list.reduce(apply, bytes);

function apply(bytes: Buffer, edit: Edit): Buffer {
  const at = bytes.length === 0 ? 0 : edit.at % bytes.length;
  const before = bytes.subarray(0, at);
  switch (edit.kind) {
    case 'flip': {
      const changed = Buffer.from(bytes);
      if (changed.length > 0) changed[at]! ^= edit.bits;
      return changed;
    }
    case 'insert':
      return Buffer.concat([before, edit.bytes, bytes.subarray(at)]);
    case 'cut':
      return Buffer.concat([before, bytes.subarray(at + edit.length)]);
    case 'repeat': {
      const part = bytes.subarray(at, at + edit.length);
      return Buffer.concat([before, ...Array<Buffer>(edit.times).fill(part), bytes.subarray(at)]);
    }
    case 'end':
      return Buffer.from(before);
  }
}
