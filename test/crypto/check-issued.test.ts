/** What is kept of a controller's answer: every way in which a certificate can be another one than was asked for. */
import t, { type Test } from 'tap';
import { checkIssued, type Issued } from '#shared/crypto/check-issued.ts';
import { keyThumbprint } from '#shared/crypto/keys.ts';
import { makeCa, trustDomain } from './support/make-ca.ts';

const now = Date.now();
const ca = await makeCa(now);
const other = await makeCa(now);
const name = `spiffe://${trustDomain}/device/abc`;
const { keys, leaf } = await ca.newLeaf(name);
const rules = {
  role: 'device',
  id: 'abc',
  jkt: keyThumbprint(keys.publicKey),
  trustDomain,
  knownRoots: [ca.root.certificate],
} as const;
const good: Issued = {
  certificate: leaf.pem,
  chain: [ca.issuer.certificate],
  bundle: [ca.root.certificate],
  trustDomain,
};
const refuses = (t: Test, issued: Partial<Issued>, why: RegExp, more: object = {}) =>
  t.throws(() => checkIssued({ ...good, ...issued }, { ...rules, ...more }), { code: 'bad-answer', message: why });

t.test('the certificate that was asked for', async (t) => {
  t.doesNotThrow(() => checkIssued(good, rules));
  t.doesNotThrow(() => checkIssued(good, { ...rules, now }));
  const rotated = [other.root.certificate, ca.root.certificate];
  t.doesNotThrow(() => checkIssued({ ...good, bundle: rotated }, rules), 'a root more');
});

t.test('any other one', async (t) => {
  refuses(t, { trustDomain: 'other.test' }, /another trust domain/);
  refuses(t, { certificate: 'no PEM' }, /cannot be read/);
  refuses(t, { chain: ['no PEM'] }, /cannot be read/);
  refuses(t, {}, /not acceptable/, { id: 'abd' });
  refuses(t, {}, /not acceptable/, { role: 'gateway' });
  refuses(t, {}, /for another key/, { jkt: keyThumbprint(other.root.privateKey) });
  refuses(t, { chain: [] }, /leads to no root/);
  refuses(t, { chain: [other.issuer.certificate] }, /chain that does not hold/);
  refuses(t, { chain: [other.issuer.certificate, ca.issuer.certificate] }, /chain that does not hold/);
  refuses(t, { bundle: [other.root.certificate] }, /leads to no root/);
  refuses(t, {}, /none of the known roots/, { knownRoots: [other.root.certificate] });
});

t.test('times are judged by a clock that is told, and not without one (P19)', async (t) => {
  const late = now + 365 * 86_400_000;
  refuses(t, {}, /not acceptable: expired/, { now: late });
  refuses(t, {}, /not acceptable: not-yet-valid/, { now: now - 86_400_000 });
});
