/** Taken apart quickly, a list of disclosures gives what reading it gives, with the very text that was hashed. */
import fc from 'fast-check';
import t from 'tap';
import { digestOf } from '#shared/log/disclosures.ts';
import { splitDisclosures } from '#shared/log/split-disclosures.ts';

const salt = 'abcdefghijklmnopqrstuv';

t.test('any values', async () => {
  const value = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('],["', '","', '"]', '\\', 'a"],["b', '', '\u2028', '\ud800'),
    fc.jsonValue(),
    fc.constant([['a'], ['b'], ['c', '],["']]),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.constantFrom('person', 'path', 'details', 'a"b'), value)), (fields) => {
      const texts = fields.map(([name, one]) => JSON.stringify([salt, name, one]));
      const list = `[${texts.join(',')}]`;
      const split = splitDisclosures(list);
      const read = JSON.parse(list) as [string, string, unknown][];
      if (JSON.stringify(split.map(({ text }) => text)) !== JSON.stringify(texts)) throw new Error('another text');
      for (const [at, [, name, one]] of read.entries()) {
        if (split[at]?.name !== name || JSON.stringify(split[at]?.value) !== JSON.stringify(one))
          throw new Error(`another value: ${list}`);
        if (digestOf(split[at]!.text) !== digestOf(texts[at]!)) throw new Error('another digest');
      }
    }),
    { numRuns: 3000 },
  );
});

t.test('what is no list of disclosures', async (t) => {
  for (const bad of ['', '[', '["a"', '[["a","b"', 'null}', '[[[]'])
    t.throws(() => splitDisclosures(bad), JSON.stringify(bad));
  t.same(splitDisclosures('[]'), []);
});
