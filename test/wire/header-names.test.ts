import * as fc from 'fast-check';
import t from 'tap';
import { HeaderNames } from '#shared/wire/header-names.ts';

/** The characters of a token (RFC 9110 section 5.6.2): Node's parser lets no others into a name. */
const token = fc.string({
  unit: fc.constantFrom(..."!#$%&'*+-.^_`|~0189abkpxyzABKPXYZ"),
  minLength: 1,
  maxLength: 70,
});
const spelling = (name: string) =>
  fc
    .array(fc.boolean(), { minLength: name.length, maxLength: name.length })
    .map((upper) => [...name].map((char, index) => (upper[index] ? char.toUpperCase() : char)).join(''));

t.test('a set of header names answers as a set of lower case would', (t) => {
  fc.assert(
    fc.property(fc.uniqueArray(token, { maxLength: 40 }), fc.array(token, { maxLength: 40 }), (members, others) => {
      const lower = members.map((name) => name.toLowerCase());
      const plain = new Set(lower);
      const names = new HeaderNames(lower);
      return [...members, ...others, ''].every((name) => names.has(name) === plain.has(name.toLowerCase()));
    }),
  );
  t.end();
});

t.test('whatever the case of a member', (t) => {
  fc.assert(
    fc.property(
      token.chain((name) => fc.tuple(fc.constant(name.toLowerCase()), spelling(name))),
      ([name, spelled]) => new HeaderNames([name]).has(spelled),
    ),
  );
  t.end();
});
