import fc from 'fast-check';
import t from 'tap';
import type { AccessRecord } from '#shared/contracts/record.ts';
import { encodeLine, type SpoolEntry } from '../../../gateway/records/spool-format.ts';
import { spoolLines } from '../../support/spool-lines.ts';

const record = fc.record({
  id: fc.string(),
  time: fc.nat(),
  from: fc.string({ unit: 'grapheme' }),
}) as unknown as fc.Arbitrary<AccessRecord>;
const numbered: fc.Arbitrary<SpoolEntry> = fc.oneof(
  fc.record({ seq: fc.integer({ min: 1 }), record }),
  fc.record({ seq: fc.integer({ min: 1 }), like: fc.nat(), own: record }),
);
const entry: fc.Arbitrary<SpoolEntry> = fc.oneof(
  numbered,
  fc.record({ carry: record }),
  fc.record({ left: fc.constant(true as const), denials: fc.nat(), last: fc.nat() }),
);

/** A line of one entry, or of several that have a number. */
const line = fc.oneof(fc.tuple(entry), fc.array(numbered, { minLength: 2, maxLength: 4 }));

t.test('lines are read back, up to where a tail is torn', async (t) => {
  fc.assert(
    fc.property(fc.array(line), line, fc.nat(), (lines, last, at) => {
      const whole = Buffer.from(lines.map((entries) => encodeLine(...entries)).join(''));
      const tail = Buffer.from(encodeLine(...last));
      const read = spoolLines(Buffer.concat([whole, tail.subarray(0, at % tail.length)]));
      return read.end === whole.length && JSON.stringify(read.lines) === JSON.stringify(lines.flat());
    }),
  );
  t.pass('the property held');
});

t.test(
  'one altered bit takes the line that it is in, and no other but where it took the end of the line',
  async (t) => {
    fc.assert(
      fc.property(fc.array(line, { minLength: 1 }), fc.nat(), fc.nat(7), (lines, at, bit) => {
        const texts = lines.map((entries) => encodeLine(...entries));
        const bytes = Buffer.from(texts.join(''));
        const place = at % bytes.length;
        bytes[place]! ^= 1 << bit;
        const ends = texts.map((_, index) => Buffer.byteLength(texts.slice(0, index + 1).join('')));
        const hit = ends.findIndex((end) => end > place);
        const rest = lines.filter((_, index) => index !== hit).flat();
        return JSON.stringify(spoolLines(bytes).lines) === JSON.stringify(rest);
      }),
    );
    t.pass('the property held');
  },
);

t.test('zeroes where a block was lost hide no line behind them', async (t) => {
  const [a, b, c] = [1, 2, 3].map((seq) => encodeLine({ seq, record: { id: 'x' } as AccessRecord }));
  const bytes = Buffer.from(`${a}${b}${c}`);
  bytes.fill(0, a!.length - 5, a!.length + b!.length);
  const read = spoolLines(bytes);
  t.match(read.lines, [{ seq: 3 }]);
  t.equal(read.damaged, a!.length + b!.length);
});

t.test('a line that no writer of ours made is not believed, however right its checksum', async (t) => {
  const lines = [
    0,
    null,
    'left',
    [],
    {},
    { left: false },
    { left: true },
    { left: true, denials: 0, last: -1 },
    { carry: null },
    { seq: 0, record: {} },
    { seq: 1, record: [] },
    { seq: 1, like: -1, own: {} },
    { seq: 1, like: '1', own: {} },
    { seq: 2, like: 1, own: null },
    { seq: 2, like: 1 },
    { seq: 2, later: { opening: 'x', phase: 'opening' } },
    { seq: 2, later: {} },
  ];
  const fine = { seq: 1, record: {} };
  const odder = [...lines, [fine], [fine, { carry: {} }], [{ left: true, denials: 0, last: 1 }, fine], [[fine], fine]];
  for (const odd of [...odder, ...lines.map((odd) => [fine, odd])]) {
    const bytes = Buffer.from(encodeLine(odd as unknown as SpoolEntry));
    t.same(spoolLines(bytes), { lines: [], end: bytes.length, damaged: bytes.length }, JSON.stringify(odd));
  }
});

t.test('no bytes throw', async (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => spoolLines(Buffer.from(bytes)).end <= bytes.length),
  );
  t.pass('the property held');
});
