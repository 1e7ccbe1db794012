/** Who can, beside trying everything: every moment, place and request there could be, for every person and device. */
import fc from 'fast-check';
import t from 'tap';
import { loadPeople } from '../../../controller/analysis/load-people.ts';
import { partRequest } from '../../../controller/analysis/part-request.ts';
import { whoCan } from '../../../controller/analysis/who-can.ts';
import { appFacts } from '../../../controller/grants/load-facts.ts';
import { decide } from '../../../controller/policy/decide.ts';
import type { Facts } from '../../../controller/policy/facts.ts';
import type { PolicySet } from '../../../controller/policy/policy-set.ts';
import { madePolicies } from '../../support/draft-policies.ts';
import { addPerson } from '../../support/more-people.ts';
import { PolicyDesk, wikiApp } from '../../support/policy-desk.ts';
import { compile, goodFact, hourMs, tuesday } from '../../support/policy-facts.ts';

const app = appFacts(wikiApp);
const addresses = ['192.0.2.1', '10.0.0.0', '10.1.2.3'];
const moments = Array.from({ length: 8 }, (_, day) =>
  ['00:00', '10:09', '10:10', '10:11', '23:59'].map((clock) => Date.parse(`2026-11-${10 + day}T${clock}:00Z`)),
).flat();
const requests = [
  { method: 'GET', path: '/a', operation: '' },
  { method: 'POST', path: '/a', operation: '' },
  { method: 'GET', path: '/reports/7', operation: '' },
  { method: 'POST', path: '/reports/7/export', operation: 'export' },
  // No pattern of the app gives these, but nothing says that policies know that.
  { method: 'GET', path: '/reports/7', operation: 'export' },
  { method: 'POST', path: '/reports/8', operation: '' },
  { method: 'GET', path: '/a', operation: 'export' },
  { method: 'POST', path: '/a', operation: 'export' },
].map((request) => ({ ...request, host: 'wiki.test', query: '' }));

/** As good as the person can make it at a moment, at a place. */
function best(facts: Facts, at: number, address: string): Facts {
  return {
    ...facts,
    device: { ...facts.device, certificateEndsAt: at + hourMs, posture: { firewallOn: goodFact(true, at) } },
    session: {
      id: 'ses_best0001',
      methods: ['pwd', 'otp', 'mfa'],
      startedAt: at,
      endsAt: at + hourMs,
      secondFactorAt: at,
    },
    network: { address },
  };
}

function anyWay(set: PolicySet, facts: Facts, only: (request: (typeof requests)[number]) => boolean): boolean {
  const tried = requests.filter(only);
  for (const at of [tuesday, ...moments])
    for (const address of addresses)
      for (const request of tried) {
        const question = { facts: best(facts, at, address), app, act: 'request', request, at } as const;
        if (decide(set, question).verdict === 'allow') return true;
      }
  return false;
}

const ids = (list: readonly { person: string }[]) => list.map(({ person }) => person).sort();
const isNoRequest = ({ kind }: { kind: string }) => kind !== 'request';

t.test('generated policies: who can is who could in some way, before and after', async (t) => {
  const desk = await PolicyDesk.open();
  t.teardown(() => desk.store.stop());
  await addPerson(desk, { id: 'bob', devices: ['dev_bob00001', 'dev_bob00002'], session: 'none', risk: 80 });
  await addPerson(desk, { id: 'carl', devices: ['dev_carl0001'], role: 'admin', groups: ['staff'], firewallOn: true });
  await addPerson(desk, { id: 'dora', devices: ['dev_dora0001'], state: 'suspended' });
  let could = 0;
  let not = 0;
  await fc.assert(
    fc.asyncProperty(madePolicies, madePolicies, fc.boolean(), async (text, draftText, exporting) => {
      const [inForce, draft] = [compile(text), compile(draftText)];
      const operation = exporting ? 'export' : undefined;
      const part = partRequest(wikiApp, { operation });
      const ask = (sets: { inForce: PolicySet; draft: PolicySet | undefined }) => {
        const pages = loadPeople(desk.db, { address: '192.0.2.1', timezone: 'UTC' });
        return whoCan(pages, { app: wikiApp, part, operation, at: desk.now, checks: [] }, sets);
      };
      const only = ({ operation: name, method }: (typeof requests)[number]) =>
        !exporting || (name === 'export' && method === 'POST');
      const found = await ask({ inForce, draft });
      const former = await ask({ inForce, draft: undefined });
      for (const [set, { can }] of [
        [draft, found],
        [inForce, former],
      ] as const) {
        const truly: string[] = [];
        for await (const page of loadPeople(desk.db, { address: '192.0.2.1', timezone: 'UTC' }))
          for (const { person, devices } of page.people)
            if (devices.some(({ facts }) => anyWay(set, facts, only))) truly.push(person.id);
            else not += 1;
        could += truly.length;
        const told = ids(can);
        if (!truly.every((id) => told.includes(id))) throw new Error(`can: ${told}, and in truth ${truly}`);
        if (can.some(({ devices }) => devices.some(({ policies }) => policies.length === 0)))
          throw new Error('a right that no policy gives');
        // Where it depends on the request, it says so, and that no request at all would do may go unseen.
        const certain = can.filter(({ devices }) => devices.some(({ conditions }) => conditions.every(isNoRequest)));
        if (!ids(certain).every((id) => truly.includes(id))) throw new Error(`certainly ${ids(certain)}: ${truly}`);
      }
      const [before, after] = [ids(former.can), ids(found.can)];
      const gains = after.filter((id) => !before.includes(id));
      const losses = before.filter((id) => !after.includes(id));
      if (ids(found.gains).join() !== gains.join()) throw new Error(`gains: ${ids(found.gains)}, not ${gains}`);
      if (ids(found.losses).join() !== losses.join()) throw new Error(`losses: ${ids(found.losses)}, not ${losses}`);
    }),
    { numRuns: 150 },
  );
  t.ok(could > 50 && not > 50, `${could} could, ${not} could not`);
});
