import { readFileSync } from 'node:fs';
import t from 'tap';
import { dummyVerify, hashPassword, needsRehash, verifyPassword } from '#shared/crypto/password-hash.ts';

const { cases }: { cases: { password: string; phc: string }[] } = JSON.parse(
  readFileSync(new URL('../vectors/argon2id.json', import.meta.url), 'utf8'),
);

t.test('hashes of the reference implementation', async (t) => {
  for (const { password, phc } of cases) {
    t.equal(await verifyPassword(password, phc), true, phc);
    t.equal(await verifyPassword(`${password}.`, phc), false);
    t.ok(needsRehash(phc), 'made with other parameters');
  }
});

t.test('a password verifies against its own hash only', async (t) => {
  const phc = await hashPassword('correct horse battery');
  t.match(phc, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[\w+/]{22}\$[\w+/]{43}$/);
  t.equal(await verifyPassword('correct horse battery', phc), true);
  t.equal(await verifyPassword('correct horse batterY', phc), false);
  t.equal(await verifyPassword('', phc), false);
  t.not(await hashPassword('correct horse battery'), phc, 'a salt of its own each time');
  t.notOk(needsRehash(phc));
  t.equal(await dummyVerify('correct horse battery'), false);
});

t.test('all of it counts, in whatever form it was typed', async (t) => {
  const phc = await hashPassword('caf\u00e9 \u{1f511}');
  t.equal(await verifyPassword('cafe\u0301 \u{1f511}', phc), true, 'é as one and as two code points');
  const long = 'x'.repeat(1024);
  const longPhc = await hashPassword(long);
  t.equal(await verifyPassword(long, longPhc), true);
  t.equal(await verifyPassword(`${long.slice(0, -1)}y`, longPhc), false, 'the last byte of 1,024');
  await t.rejects(hashPassword(`${long}x`), { code: 'factor-weak' });
  await t.rejects(hashPassword('é'.repeat(600)), { code: 'factor-weak' }, 'bytes are what is capped');
  t.equal(await verifyPassword(`${long}x`, longPhc), false);
  const empty = await hashPassword('');
  t.equal(await verifyPassword('x'.repeat(2000), empty), false, 'what is too long is not taken for nothing');
});

t.test('a stored hash cannot ask for more than the caps', async (t) => {
  const tail = '$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc';
  const bad = [
    '',
    'plain',
    `$argon2id$v=19$m=65537,t=2,p=1${tail}`,
    `$argon2id$v=19$m=65536,t=7,p=1${tail}`,
    `$argon2id$v=19$m=65536,t=2,p=5${tail}`,
    `$argon2id$v=19$m=9999999,t=2,p=1${tail}`,
    `$argon2id$v=19$m=7,t=2,p=1${tail}`,
    `$argon2id$v=16$m=65536,t=2,p=1${tail}`,
    `$argon2i$v=19$m=65536,t=2,p=1${tail}`,
    `$argon2id$v=19$m=65536,t=2,p=1$c29tZQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc`,
    `$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFh`,
    `$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$`,
    `$argon2id$v=19$m=65536,t=2,p=1${tail}\n`,
  ];
  for (const phc of bad) await t.rejects(verifyPassword('password', phc), { code: 'internal' }, JSON.stringify(phc));
});
