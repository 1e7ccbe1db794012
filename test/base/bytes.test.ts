import fc from 'fast-check';
import t from 'tap';
import { Value } from 'typebox/value';
import { equalSecret, fromBase64url, newTrace, randomId, toBase64url } from '#shared/base/bytes.ts';
import { madeId, trace } from '#shared/contracts/common.ts';

t.test('base64url: what is written is read back, and each value has one spelling', async (t) => {
  fc.assert(fc.property(fc.uint8Array(), (bytes) => Buffer.from(bytes).equals(fromBase64url(toBase64url(bytes))!)));
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const bytes = fromBase64url(text);
      return bytes === undefined || toBase64url(bytes) === text;
    }),
  );
  t.pass('the property held');
});

t.test('base64url: padding, the other alphabet, white space and stray bits are refused', async (t) => {
  for (const text of ['AA==', 'A', 'AB', '+/+/', 'AAAA\n', 'AA A', 'ÄÄ']) t.equal(fromBase64url(text), undefined, text);
  t.same(fromBase64url(''), Buffer.alloc(0));
});

t.test('secrets are equal when they are, whatever their lengths', async (t) => {
  fc.assert(fc.property(fc.string(), fc.string(), (a, b) => equalSecret(a, b) === (a === b) && equalSecret(a, a)));
  t.pass('the property held');
});

t.test('made ids and traces fit their contracts and do not repeat', async (t) => {
  const ids = Array.from({ length: 1000 }, () => `dev_${randomId()}`);
  t.ok(ids.every((id) => Value.Check(madeId, id)));
  t.equal(new Set(ids).size, 1000);
  t.ok(Array.from({ length: 100 }, newTrace).every((id) => Value.Check(trace, id)));
});
