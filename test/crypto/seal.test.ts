import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import t from 'tap';
import { masterKeyId, newMasterKey, parseMasterKey, Sealer } from '#shared/crypto/seal.ts';

const current = randomBytes(32);
const sealer = new Sealer({ current });
const place = { table: 'totp', row: 'ann', column: 'secret' };
const failed = { code: 'internal' };

t.test('what is sealed opens at its place', async (t) => {
  const part = fc.string();
  fc.assert(
    fc.property(fc.uint8Array(), fc.record({ table: part, row: part, column: part }), (bytes, where) =>
      sealer.openBytes(sealer.sealBytes(bytes, where), where).equals(bytes),
    ),
  );
  t.equal(sealer.openText(sealer.sealText('grüße', place), place), 'grüße');
  t.match(sealer.sealText('x', place), /^s1\.[\w-]{11}\.[\w-]{16}\.[\w-]{23}$/);
  t.not(sealer.sealText('x', place), sealer.sealText('x', place), 'a nonce of its own each time');
});

t.test('P33 a sealed value copied elsewhere does not open', async (t) => {
  const sealed = sealer.sealText('seed', place);
  for (const other of [{ row: 'eve' }, { column: 'next' }, { table: 'sso' }]) {
    t.throws(() => sealer.openText(sealed, { ...place, ...other }), failed, JSON.stringify(other));
  }
  const slid = sealer.sealText('seed', { table: 'a', row: 'b","c', column: 'd' });
  t.throws(() => sealer.openText(slid, { table: 'a', row: 'b', column: 'c","d' }), failed, 'parts do not run together');
});

t.test('P33 no changed byte opens', async (t) => {
  const sealed = sealer.sealText('seed', place);
  fc.assert(
    fc.property(fc.nat(sealed.length - 1), fc.constantFrom(...'ABCabc019-_.= '), (at, character) => {
      const changed = sealed.slice(0, at) + character + sealed.slice(at + 1);
      if (changed === sealed) return true;
      try {
        sealer.openText(changed, place);
        return false;
      } catch (error) {
        return (error as { code: string }).code === 'internal';
      }
    }),
    { numRuns: 500 },
  );
  const [form, keyId, nonce, body] = sealed.split('.') as [string, string, string, string];
  for (const bad of [
    '',
    's1',
    `s2.${keyId}.${nonce}.${body}`,
    `${sealed}.x`,
    `${form}.${keyId}.${nonce}.`,
    `${form}.${keyId}..${body}`,
  ]) {
    t.throws(() => sealer.openText(bad, place), failed, bad);
  }
  // A shortened tag would be far easier to guess.
  const short = Buffer.from(body, 'base64url').subarray(0, -4).toString('base64url');
  t.throws(() => sealer.openText(`${form}.${keyId}.${nonce}.${short}`, place), failed, 'tag cut short');
});

t.test('P33 the master key is rotated', async (t) => {
  const sealed = sealer.sealText('seed', place);
  const next = new Sealer({ current: randomBytes(32), former: [current] });
  t.equal(next.openText(sealed, place), 'seed');
  t.ok(next.needsReseal(sealed));
  const again = next.sealText('seed', place);
  t.notOk(next.needsReseal(again));
  t.throws(() => sealer.openText(again, place), { code: 'internal', message: /not here/ });
  t.equal(sealer.currentKeyId, masterKeyId(current));
  const relabelled = sealed.replace(sealer.currentKeyId, next.currentKeyId);
  t.throws(() => next.openText(relabelled, place), failed, 'the key id is bound as well');
});

t.test('master keys are 32 bytes', async (t) => {
  const text = newMasterKey();
  t.equal(parseMasterKey(`${text}\n`).length, 32);
  for (const bad of ['', 'password', text.slice(1), `${text}AA`, `${text}=`]) {
    t.throws(() => parseMasterKey(bad), { code: 'invalid-config' });
  }
  t.throws(() => new Sealer({ current: randomBytes(16) }), TypeError);
});
