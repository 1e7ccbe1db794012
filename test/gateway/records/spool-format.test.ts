import fc from 'fast-check';
import t from 'tap';
import type { AccessRecord } from '#shared/contracts/record.ts';
import { decodeLines, encodeLine, type SpoolLine } from '../../../gateway/records/spool-format.ts';

const record = fc.record({
  id: fc.string(),
  time: fc.nat(),
  from: fc.string({ unit: 'grapheme' }),
}) as unknown as fc.Arbitrary<AccessRecord>;
const line: fc.Arbitrary<SpoolLine> = fc.oneof(
  fc.record({ seq: fc.integer({ min: 1 }), record }),
  fc.record({ carry: record }),
  fc.record({ left: fc.constant(true as const), denials: fc.nat() }),
);

t.test('lines are read back, up to where a tail is torn', async (t) => {
  fc.assert(
    fc.property(fc.array(line), line, fc.nat(), (lines, last, at) => {
      const whole = Buffer.from(lines.map(encodeLine).join(''));
      const tail = Buffer.from(encodeLine(last));
      const read = decodeLines(Buffer.concat([whole, tail.subarray(0, at % tail.length)]));
      return read.goodBytes === whole.length && JSON.stringify(read.lines) === JSON.stringify(lines);
    }),
  );
  t.pass('the property held');
});

t.test('one altered bit ends what is believed before it', async (t) => {
  fc.assert(
    fc.property(fc.array(line, { minLength: 1 }), fc.nat(), fc.nat(7), (lines, at, bit) => {
      const texts = lines.map(encodeLine);
      const bytes = Buffer.from(texts.join(''));
      const place = at % bytes.length;
      bytes[place]! ^= 1 << bit;
      let before = 0;
      let whole = 0;
      for (const text of texts) {
        before += Buffer.byteLength(text);
        if (before > place) break;
        whole += 1;
      }
      // A newline made out of another byte, or the other way round, tears the same line.
      return decodeLines(bytes).lines.length === whole;
    }),
  );
  t.pass('the property held');
});

t.test('a line that no writer of ours made is not believed, however right its checksum', async (t) => {
  const lines = [
    0,
    null,
    'left',
    [],
    {},
    { left: false },
    { carry: null },
    { seq: 0, record: {} },
    { seq: 1, record: [] },
  ];
  for (const odd of lines) {
    const bytes = Buffer.from(encodeLine(odd as unknown as SpoolLine));
    t.same(decodeLines(bytes), { lines: [], goodBytes: 0 }, JSON.stringify(odd));
  }
});

t.test('no bytes throw', async (t) => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 2000 }),
      (bytes) => decodeLines(Buffer.from(bytes)).goodBytes <= bytes.length,
    ),
  );
  t.pass('the property held');
});
