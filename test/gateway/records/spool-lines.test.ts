import fc from 'fast-check';
import t from 'tap';
import { decodeLine, entryLine } from '../../../gateway/records/spool-format.ts';
import { Lines } from '../../../gateway/records/spool-lines.ts';

const entry = (seq: number, text: string) => `{"seq":${seq},"record":${JSON.stringify({ text })}}`;

t.test(
  'whatever the entries hold, the bytes are lines that hold them all, and nothing of the write before',
  async (t) => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: 'grapheme', maxLength: 200 }),
      fc.constantFrom('é'.repeat(9000), '语'.repeat(20_000), 'x'.repeat(70_000), '\ud800', '💡'.repeat(3000)),
    );
    const writes = fc.array(fc.array(text, { minLength: 1, maxLength: 30 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(writes, (all) => {
        const lines = new Lines();
        return all.every((texts) => {
          for (const [index, one] of texts.entries()) lines.add(entry(index + 1, one));
          const written = lines.end().toString('utf8');
          if (!written.endsWith('\n')) return false;
          const read = written
            .slice(0, -1)
            .split('\n')
            .flatMap((line) => decodeLine(line) ?? []);
          return JSON.stringify(read) === `[${texts.map((one, index) => entry(index + 1, one)).join(',')}]`;
        });
      }),
      { numRuns: 60 },
    );
    t.pass();
  },
);

t.test('one entry is the line that the other writers make, and nothing is no bytes', async (t) => {
  const lines = new Lines();
  t.equal(lines.end().length, 0);
  lines.add(entry(7, 'wiki'));
  t.equal(lines.end().toString('utf8'), entryLine(entry(7, 'wiki'), 1));
});

t.test('P24 no line is longer than 16 KiB that one entry alone does not make so', async (t) => {
  const lines = new Lines();
  const texts = [...Array(300).fill('x'.repeat(100)), 'y'.repeat(40_000), 'z'];
  for (const [index, one] of texts.entries()) lines.add(entry(index + 1, one));
  const written = lines.end().toString('utf8').trimEnd().split('\n');
  const lengths = written.map((line) => line.length);
  t.ok(lengths.length > 3 && lengths.length < 8, `${lengths}: few, each with a checksum`);
  // The checksum and the brackets are beside the 16 KiB.
  t.equal(lengths.filter((length) => length > 16 * 1024 + 11).length, 1);
});
