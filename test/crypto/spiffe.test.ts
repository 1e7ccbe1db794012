import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import t from 'tap';
import { parseSpiffeId, roles, spiffeId } from '#shared/crypto/spiffe.ts';

const vectors: { good: [string, string, string, string][]; bad: string[] } = JSON.parse(
  readFileSync(new URL('../vectors/spiffe-id.json', import.meta.url), 'utf8'),
);

t.test('the vectors', async (t) => {
  for (const [text, trustDomain, role, id] of vectors.good)
    t.strictSame(parseSpiffeId(text), { trustDomain, role, id }, text);
  for (const text of vectors.bad) t.equal(parseSpiffeId(text), undefined, JSON.stringify(text));
  t.equal(parseSpiffeId(`spiffe://${'a'.repeat(256)}/device/abc`), undefined, 'trust domain over 255');
  t.ok(parseSpiffeId(`spiffe://${'a'.repeat(255)}/device/abc`));
  t.equal(parseSpiffeId(`spiffe://a/device/${'a'.repeat(65)}`), undefined, 'id over our bound');
});

const domain = fc.stringMatching(/^[a-z0-9._-]{1,40}$/);
const id = fc.stringMatching(/^[A-Za-z0-9._-]{1,64}$/).filter((text) => text !== '.' && text !== '..');

t.test('what is written is read back, and only that', async (t) => {
  fc.assert(
    fc.property(domain, fc.constantFrom(...roles), id, (trustDomain, role, name) => {
      const parsed = parseSpiffeId(spiffeId(trustDomain, role, name));
      return parsed?.trustDomain === trustDomain && parsed.role === role && parsed.id === name;
    }),
  );
  const nearly = fc.array(
    fc.constantFrom('spiffe://', '/', 'device', 'gateway', 'a', '.', '..', '%2e', 'A', '?', ' ', '\n'),
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        nearly.map((parts) => parts.join('')),
      ),
      (text) => {
        const parsed = parseSpiffeId(text);
        return parsed === undefined || spiffeId(parsed.trustDomain, parsed.role, parsed.id) === text;
      },
    ),
    { numRuns: 2000 },
  );
  t.pass();
});

t.test('an id that could not be read back is not written', async (t) => {
  for (const bad of ['', '.', '..', 'a/b', 'a%2fb', 'a b'])
    t.throws(() => spiffeId('a', 'device', bad), TypeError, bad);
  t.throws(() => spiffeId('Upper', 'device', 'a'), TypeError);
});
