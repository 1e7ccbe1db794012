import fc from 'fast-check';
import t from 'tap';
import { canonicalJson } from '../../../controller/grants/snapshot-facts.ts';

/** The same value with the members of its objects in another order. */
function turned(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(turned);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, member]) => [key, turned(member)]),
  );
}

t.test('P32 equal facts have one text, whatever the order of their members', async (t) => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = canonicalJson(value);
      return (
        text === canonicalJson(turned(value)) &&
        JSON.stringify(turned(JSON.parse(text))) === JSON.stringify(turned(JSON.parse(canonicalJson(JSON.parse(text)))))
      );
    }),
  );
  t.pass('the property held');
});

t.test('P32 other facts have another text', async (t) => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
      const same = canonicalJson(a) === canonicalJson(b);
      return same === (canonicalJson(JSON.parse(canonicalJson(a))) === canonicalJson(JSON.parse(canonicalJson(b))));
    }),
  );
  t.pass('the property held');
});
