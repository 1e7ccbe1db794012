import { X509Certificate } from 'node:crypto';
import t from 'tap';
import { readVerificationKeys } from '../../../controller/authority/signing-keys.ts';
import { day, hour, minute } from '../../../shared/base/clock.ts';
import { checkLeaf } from '../../../shared/crypto/check-leaf.ts';
import { readJws, verifyJws } from '../../../shared/crypto/jws.ts';
import { generateKeyPair, publicKeyFromJwk } from '../../../shared/crypto/keys.ts';
import { openTestController } from '../support/open-controller.ts';

const changesOf = async (store: Awaited<ReturnType<typeof openTestController>>['store']) =>
  (await store.db.selectFrom('changes').select(['n', 'changes']).orderBy('n').execute()).map(({ n, changes }) => ({
    n,
    kinds: (JSON.parse(changes) as { kind: string }[]).map(({ kind }) => kind),
  }));

t.test('an issued certificate carries the name that was ordered, under the root in the bundle', async (t) => {
  const { authority, clock } = await openTestController(t);
  const { publicKey } = generateKeyPair();
  const issued = await authority.issue({ role: 'device', id: 'dev_abc', publicKey });
  const leaf = new X509Certificate(issued.certificate);
  const verdict = checkLeaf(leaf, { trustDomain: 'test.example', roles: ['device'], now: clock.now() });
  t.match(verdict, { ok: true, id: 'dev_abc', serial: issued.serial });
  t.ok(issued.notAfter - clock.now() <= day && issued.notAfter - clock.now() > day - minute);
  const issuing = new X509Certificate(issued.chain[0]!);
  t.ok(leaf.verify(issuing.publicKey));
  t.ok(issuing.verify(new X509Certificate(issued.bundle[0]!).publicKey));
});

t.test(
  'P20 a new signing key signs only once its change is confirmed, and the old one verifies until its grants end',
  async (t) => {
    const { authority, store, clock } = await openTestController(t);
    const before = authority.grantSigner().kid;
    const { kid } = await store.db.transaction().execute((trx) => authority.startRotation(trx, 'signing'));
    const announced = (await changesOf(store)).at(-1)!;
    t.same(announced.kinds, ['keys']);
    await t.rejects(
      store.db.transaction().execute((trx) => authority.startRotation(trx, 'signing')),
      { code: 'conflict' },
      'one at a time',
    );

    t.notOk(await authority.promoteReady({ confirmedThrough: announced.n - 1 }), 'a gateway is behind');
    t.equal(authority.grantSigner().kid, before);
    t.same((await readVerificationKeys(store.db)).map((key) => key.kid).sort(), [before, kid].sort());

    t.ok(await authority.promoteReady({ confirmedThrough: announced.n }));
    t.equal(authority.grantSigner().kid, kid);
    t.ok(
      authority.verificationKeys().some((key) => key.kid === before),
      'grants under the old key live on',
    );

    clock.advance(10 * minute);
    t.ok(await authority.promoteReady({ confirmedThrough: 0 }));
    t.same(
      authority.verificationKeys().map((key) => key.kid),
      [kid],
    );
    t.same((await changesOf(store)).at(-1)!.kinds, ['keys'], 'gateways hear of the withdrawal');
  },
);

t.test('P20 a key withdrawn in need is gone at once, and another signs', async (t) => {
  const { authority, store } = await openTestController(t);
  const leaked = authority.grantSigner().kid;
  await authority.withdraw(leaked);
  t.not(authority.grantSigner().kid, leaked);
  t.same(
    authority.verificationKeys().map((key) => key.kid),
    [authority.grantSigner().kid],
  );
  await t.rejects(authority.withdraw(leaked), { code: 'not-found' });
  const row = await store.db.selectFrom('signing_keys').select('sealed').where('kid', '=', leaked).executeTakeFirst();
  t.equal(row?.sealed, '', 'its private part is destroyed');
});

t.test('the issuing CA is rotated under the same root, and old leaves stay good', async (t) => {
  const { authority, store } = await openTestController(t);
  const [before] = authority.chain();
  const old = await authority.issue({ role: 'gateway', id: 'gw1', publicKey: generateKeyPair().publicKey });
  await store.db.transaction().execute((trx) => authority.startRotation(trx, 'issuing'));
  t.same((await changesOf(store)).at(-1)!.kinds, ['bundle']);
  let told = 0;
  authority.onChange(() => {
    told += 1;
  });
  t.ok(await authority.promoteReady({ confirmedThrough: Number.MAX_SAFE_INTEGER }));
  t.equal(told, 1);
  t.not(authority.chain()[0], before);
  const own = new X509Certificate(authority.ownCertificate().certificate);
  t.ok(own.verify(new X509Certificate(authority.chain()[0]!).publicKey));
  t.same(authority.bundle(), old.bundle);
  const rows = await store.db
    .selectFrom('authorities')
    .select(['state', 'sealed'])
    .where('kind', '=', 'issuing')
    .execute();
  t.same(rows.map(({ state, sealed }) => [state, sealed === null]).sort(), [
    ['current', false],
    ['retired', true],
  ]);
});

t.test('a tick renews the own certificate in time and starts rotations when they are due', async (t) => {
  const { authority, clock, store } = await openTestController(t);
  const first = authority.ownCertificate();
  const confirmedThrough = 0;
  await authority.tick({ confirmedThrough });
  t.equal(authority.ownCertificate(), first, 'nothing is due');
  clock.advance(17 * hour);
  await authority.tick({ confirmedThrough });
  t.not(authority.ownCertificate().certificate, first.certificate);
  clock.advance(31 * day);
  await authority.tick({ confirmedThrough });
  const states = async () =>
    (await store.db.selectFrom('signing_keys').select('state').where('purpose', '=', 'grant').execute()).map(
      (row) => row.state,
    );
  t.same((await states()).sort(), ['announced', 'current']);
  clock.advance(250 * day);
  await authority.tick({ confirmedThrough });
  t.equal((await store.db.selectFrom('authorities').select('id').where('state', '=', 'announced').execute()).length, 1);
});

t.test('P23 a key set is signed as a class of its own', async (t) => {
  const { authority, store } = await openTestController(t);
  const signed = authority.signKeySet({ app: 'wiki', keys: [] });
  const parsed = readJws(signed, { maxBytes: 4096, typ: 'postern-keyset+jwt' });
  t.throws(() => readJws(signed, { maxBytes: 4096, typ: 'postern-grant+jwt' }), { code: 'token-type' });
  const row = await store.db
    .selectFrom('signing_keys')
    .select('public_jwk')
    .where('kid', '=', parsed.header.kid)
    .where('purpose', '=', 'key-set')
    .executeTakeFirstOrThrow();
  t.ok(verifyJws(parsed, publicKeyFromJwk(JSON.parse(row.public_jwk))));
});
