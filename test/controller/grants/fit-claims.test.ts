import t from 'tap';
import type { GrantClaims } from '#shared/contracts/grant.ts';
import { mintGrant } from '#shared/crypto/grant-token.ts';
import { generateKeyPair } from '#shared/crypto/keys.ts';
import { fitClaims } from '../../../controller/grants/fit-claims.ts';

const { privateKey } = generateKeyPair();
const kid = 'k'.repeat(43);
const claims = (over: Partial<GrantClaims>): GrantClaims => ({
  iss: 'spiffe://example.postern',
  aud: 'main',
  sub: 'alice',
  did: 'dev_aaaaaaaa',
  sid: 'ses_aaaaaaaa',
  app: 'wiki',
  act: 'request',
  jti: 'gr_aaaaaaaa',
  iat: 1,
  exp: 2,
  cnf: { jkt: 'j'.repeat(43) },
  auth_time: 1,
  amr: ['pwd'],
  seen: 1,
  epoch: 1,
  use: 'many',
  rules: { v: 2, permits: [{ p: 0 }], forbids: [] },
  ...over,
});
const groups = (count: number, length: number) => Array.from({ length: count }, (_, i) => `g${i}`.padEnd(length, 'x'));
const exact = (length: number) => ({
  v: 2 as const,
  exact: { method: 'GET', host: 'h', path: `/${'p'.repeat(length)}`, query: '' },
  permits: [{ p: 0 }],
  forbids: [],
});

t.test('a grant always fits, and the groups give way first', async (t) => {
  t.same(fitClaims(claims({ name: 'Alice', groups: ['a'] }), kid), claims({ name: 'Alice', groups: ['a'] }));
  t.equal(fitClaims(claims({ groups: groups(20, 4) }), kid).groups?.length, 16);
  const many = fitClaims(claims({ name: 'é'.repeat(150), groups: groups(16, 63) }), kid);
  t.ok(many.groups!.length > 0 && many.groups!.length < 16);
  t.equal(many.name?.length, 100);
  for (let length = 0; length < 900; length += 7) {
    const order = claims({ name: 'n'.repeat(length % 101), groups: groups(length % 17, 30), rules: exact(length) });
    try {
      mintGrant(fitClaims(order, kid), { kid, privateKey });
    } catch (error) {
      t.match(error, { code: 'request-refused' }, `a path of ${length}`);
      t.ok(length > 300);
    }
  }
  t.throws(() => fitClaims(claims({ rules: exact(1000) }), kid), { code: 'request-refused' });
});
