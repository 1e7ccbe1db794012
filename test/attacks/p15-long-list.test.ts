import t from 'tap';
import type { GrantClaims } from '#shared/contracts/grant.ts';
import { RuleCompiler } from '../../gateway/grants/compile-rules.ts';
import type { GrantReader } from '../../gateway/grants/grant-cache.ts';
import { LiveTable } from '../../gateway/grants/live-table.ts';
import { renewStreams } from '../../gateway/grants/renew-streams.ts';
import { revocationSet } from '../../gateway/grants/revocation-set.ts';
import type { GatewaySnapshot } from '../../gateway/state/snapshot.ts';

t.test('P15 a long list of grants looks through what everybody has running once, not once for each', async (t) => {
  let looks = 0;
  class Counted extends LiveTable {
    override entries() {
      looks += 1;
      return super.entries();
    }
  }
  const live = new Counted();
  const claimsOf = (did: string, exp: number) =>
    ({
      iss: 'spiffe://test.example',
      aud: 'hq',
      sub: 'emma',
      did,
      sid: 'ses_00000001',
      app: 'wiki',
      act: 'request',
      jti: `gr_${exp}_${did}`,
      cnf: { jkt: did },
      iat: 1000,
      exp,
      seen: 1,
      epoch: 1,
      use: 'many',
      rules: { v: 2, permits: [{ p: 0 }], forbids: [] },
    }) as unknown as GrantClaims;
  const ruled = { request: undefined, address: '127.0.0.1' };
  const rules = new RuleCompiler().compile({ v: 2, permits: [{ p: 0 }], forbids: [] });
  for (let at = 0; at < 100; at += 1)
    live.enter({ claims: claimsOf(at % 10 === 0 ? 'dev_mine' : `dev_${at}`, 1060), kid: 'k', ruled }, 1_000_000);
  const grants: GrantReader = { read: (text) => ({ ok: true, kid: 'k', claims: claimsOf(text, 1090), rules }) };
  const state = {
    trustDomain: 'test.example',
    site: 'hq',
    keys: new Map(),
    floors: new Map(),
    revocations: revocationSet([], 0),
    apps: new Map([['wiki', { id: 'wiki' }]]),
    freshUntil: Number.MAX_SAFE_INTEGER,
  } as unknown as GatewaySnapshot;
  const peer = { id: 'dev_mine', jkt: 'dev_mine' };
  const parts = { grants, live, state, at: 1_000_000 };
  const { renewed, refused } = renewStreams([...Array(40).fill('dev_mine'), 'dev_1'], peer, parts);
  t.equal(renewed, 400, 'ten streams, forty times');
  t.match(refused, [{ index: 40, code: 'grant-binding' }]);
  t.ok(looks <= 1, `looked ${looks} times through all`);
});
