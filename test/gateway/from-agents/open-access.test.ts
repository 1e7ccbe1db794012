import fc from 'fast-check';
import t from 'tap';
import type { App } from '#shared/contracts/app.ts';
import type { GrantClaims } from '#shared/contracts/grant.ts';
import { openAccess, type RecordFacts, refusalRecord } from '../../../gateway/from-agents/access-records.ts';
import type { Ask } from '../../../gateway/gates/ask.ts';
import { openingJson } from '../../../gateway/record-sink.ts';

const apps = ['wiki', 'files'].map(
  (id) => ({ id, name: id, kind: 'http', site: 'main', hosts: ['a.example'] }) as unknown as App,
);
const claims = ['many', 'once', 'many'].map(
  (use, index) =>
    ({
      use,
      sub: `p${index}`,
      sid: 'ses_00000001',
      did: 'dev_00000001',
      app: 'wiki',
      jti: `grt_0000000${index}`,
      epoch: index,
    }) as GrantClaims,
);
const text = fc.string({ unit: 'binary' });
const ask = fc.record({
  address: fc.constantFrom('127.0.0.1', '2001:db8::1', 'x"\n'),
  peer: fc.constantFrom(undefined, { id: 'dev_00000001' }, { id: 'dev_"00002\\' }),
  method: fc.constantFrom('GET', 'M-SEARCH'),
  host: text,
  url: text,
  found: fc.record(
    {
      claims: fc.constantFrom(...claims),
      app: fc.constantFrom(...apps),
      policies: fc.array(fc.nat(3), { maxLength: 3 }),
      canonical: fc.record({ method: fc.constant('GET'), host: text, path: text, query: text }),
    },
    { requiredKeys: [] },
  ),
}) as unknown as fc.Arbitrary<Ask>;

const facts = (one: Ask, gateway: string, at: number): RecordFacts => ({
  id: 'rec_00000001-7',
  ask: one,
  gateway,
  trace: 'a'.repeat(32),
  at,
});

t.test('policies that begin as those of the request before are others all the same', async (t) => {
  const numbersOf = (policies: readonly number[]) => {
    const found = { claims: claims[0]!, app: apps[0]!, policies };
    const one = { address: '127.0.0.1', method: 'GET', host: 'a.example', url: '/', found } as unknown as Ask;
    return JSON.parse(openingJson(openAccess(facts(one, 'gw-1', 1)))).numbers;
  };
  for (const policies of [[1], [1, 2], [1]]) t.same(numbersOf(policies), policies);
});

t.test(
  'the JSON of an opening is the whole record, whatever was kept of earlier ones under the same grant',
  async (t) => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(ask, fc.constantFrom('gw-1', 'gw-2'), fc.nat()), { minLength: 1, maxLength: 12 }),
        (all) => {
          for (const [one, gateway, at] of all) {
            const known = facts(one, gateway, at);
            const access = openAccess(known);
            // A refusal of the same request says the same of it, made without anything that is kept.
            const { phase: _, verdict: __, reasons: ___, ...said } = refusalRecord(known, 'no-permit' as never);
            const whole = { ...said, phase: 'opening', verdict: 'allow', reasons: ['grant-valid'] };
            t.same(JSON.parse(openingJson(access)), JSON.parse(JSON.stringify(whole)));
            t.equal(access.id, known.id);
          }
        },
      ),
    );
  },
);
