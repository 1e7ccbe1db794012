/**
 * P12: what an employee is told of a denial is about themselves. Whatever the policies are, an app that is somebody else's is
 * told of as one that is not there, and no group, threshold, range, policy or other app is named.
 */
import fc from 'fast-check';
import t from 'tap';
import { newTrace } from '#shared/base/bytes.ts';
import type { PosternError } from '#shared/base/errors.ts';
import { explainTrace } from '../../controller/admin/explain-trace.ts';
import type { Question } from '../../controller/policy/facts.ts';
import { findFixes } from '../../controller/policy/fixes.ts';
import { PolicyDesk } from '../support/policy-desk.ts';
import { ask, compile, get, goodFacts, hourMs, tuesday, wiki } from '../support/policy-facts.ts';

/** Everything that only administrators know carries one of these. */
const markers = /zq|77[,.]?7|198\.51|hidden/i;

/** Conditions that alice could meet by herself, each with a threshold or a range of its own. */
const own = [
  'context.session.secondFactorAge < 777',
  'context.session.signInAge < 777',
  'context.device.firewallOn',
  'context.device.patchAgeDays < 777',
  'context.device.checks.contains("zq-check")',
  'context.network.address.isInRange(ip("198.51.100.0/24"))',
  'context.time.weekday == 6',
  'context.risk.level < 77',
  'context.device.ownership == "personal"',
  'context.request.method == "GET"',
  'context.request.path like "/zq*"',
];
/** None of which she can: the app is not hers. */
const others = [
  'principal in Group::"zq-finance"',
  'principal == Person::"zq-bob"',
  'principal.role == "owner"',
  'principal in [Group::"zq-finance", Group::"zq-law"]',
];

const mix = (terms: readonly string[]) => fc.shuffledSubarray([...terms], { minLength: 0, maxLength: 3 });
let named = 0;
const policy = (resource: string, withOthers: boolean) =>
  fc
    .tuple(
      mix(own),
      fc.shuffledSubarray(others, { minLength: withOthers ? 1 : 0, maxLength: withOthers ? 2 : 0 }),
      fc.boolean(),
      fc.boolean(),
    )
    .map(([conditions, notHers, inScope, tells]) => {
      const [first] = notHers;
      const takesScope = inScope && first?.startsWith('principal in Group') === true;
      const all = [...conditions, ...notHers.slice(takesScope ? 1 : 0)].sort();
      const body = all.length === 0 ? '' : ` when { ${all.join(' && ')} }`;
      named += 1;
      const said = `@id("zq-${named}") @reason("zq why")${tells ? ' @tell("zq tells")' : ''}`;
      return `${said} permit (${takesScope ? first : 'principal'}, action == Action::"request", resource == App::"${resource}")${body};`;
    });
const forbid = (resource: string) =>
  fc.tuple(fc.constantFrom(...own, ...others), fc.boolean()).map(([condition, tells]) => {
    named += 1;
    return `@id("zq-${named}")${tells ? ' @tell("zq forbids")' : ''} forbid (principal, action == Action::"request", resource == App::"${resource}") unless { ${condition} };`;
  });

const facts = fc
  .record({ firewall: fc.boolean(), factor: fc.boolean(), groups: fc.subarray(['staff']) })
  .map(({ firewall, factor, groups }) => ({
    ...goodFacts,
    person: { ...goodFacts.person, groups },
    device: firewall ? goodFacts.device : { ...goodFacts.device, posture: {} },
    session: { ...goodFacts.session!, secondFactorAt: factor ? tuesday - hourMs : null },
  }));

const checks = [{ id: 'zq-check', title: 'Agent runs', kind: 'command', command: 'agent' } as const];
const fixesOf = (set: ReturnType<typeof compile>, question: Question) => findFixes(set, question, checks);

t.test('P12 an app of others is told of as one that is not there, whatever its policies tell', async (t) => {
  let compared = 0;
  const texts = fc.tuple(
    fc.array(policy('secret', true), { minLength: 1, maxLength: 3 }),
    fc.array(forbid('secret'), { maxLength: 2 }),
    fc.array(policy('wiki', false), { maxLength: 2 }),
  );
  fc.assert(
    fc.property(texts, facts, fc.boolean(), fc.boolean(), ([secret, forbids, mine], known, asks, networkUnknown) => {
      const set = compile([...secret, ...forbids, ...mine].join('\n'));
      const request = asks ? get('/a') : undefined;
      const of = (id: string, app = { ...wiki, id, groups: [] as string[] }) =>
        fixesOf(set, ask({ facts: known, app, request, networkUnknown }));
      const [hers, nothing] = [of('secret'), of('nothing', { id: 'nothing', kind: 'http', site: '', groups: [] })];
      if (JSON.stringify(hers) !== JSON.stringify(nothing))
        throw new Error(`${JSON.stringify(hers)} and not ${JSON.stringify(nothing)}`);
      compared += 1;
    }),
    { numRuns: 150 },
  );
  t.equal(compared, 150);
});

t.test('P12 of an app that is theirs people read about themselves', async (t) => {
  const seen = new Set<string>();
  const texts = fc.tuple(
    fc.array(policy('wiki', false), { minLength: 1, maxLength: 2 }),
    fc.array(forbid('wiki'), { maxLength: 2 }),
    fc.array(policy('hidden', true), { maxLength: 1 }),
  );
  fc.assert(
    fc.property(texts, facts, ([permits, forbids, hidden], known) => {
      const set = compile([...permits, ...forbids, ...hidden].join('\n'));
      for (const fix of fixesOf(set, ask({ facts: known }))) {
        seen.add(fix.kind);
        // What a policy's author wrote for employees, and the id of a check, by which the page finds its line, are theirs to see.
        if (fix.kind === 'told') continue;
        if (markers.test(fix.text)) throw new Error(fix.text);
      }
    }),
    { numRuns: 150 },
  );
  for (const kind of ['second-factor', 'sign-in', 'posture', 'network', 'time', 'told', 'ask-admin'])
    t.ok(seen.has(kind), kind);
});

t.test('P12 by the real answer and by what an administrator reads as an employee', async (t) => {
  const desk = await PolicyDesk.open();
  await desk.putApp({
    id: 'secret',
    name: 'S',
    site: 'main',
    kind: 'http',
    hosts: ['s.test'],
    upstream: 'http://127.0.0.1:1',
  });
  await desk.db.insertInto('groups').values({ id: 'finance', name: 'Finance', created_at: 0 }).execute();
  await desk.publish(`@tell("Ask in finance.") permit(principal in Group::"finance", action, resource == App::"secret") when { context.device.firewallOn };
    @tell("Closed.") forbid(principal, action, resource == App::"secret") unless { context.time.weekday == 6 };
    permit(principal in Group::"staff", action, resource == App::"wiki");`);
  const trace = newTrace();
  const problem = (app: string) => {
    const own = newTrace();
    return desk.grant({ app, trace: own }).then(
      () => t.fail('must be denied'),
      (error: PosternError) => ({ own, problem: error.toProblem(trace) }),
    ) as Promise<{ own: string; problem: object }>;
  };
  const [secret, nothing] = [await problem('secret'), await problem('nothing')];
  t.same(secret.problem, nothing.problem);
  t.match(secret.problem, { code: 'not-allowed', fixes: [{ kind: 'ask-admin' }] });
  const asEmployee = async (own: string) => {
    const { records } = await explainTrace(desk.db, desk.decider, { trace: own, as: 'employee', changes: false });
    return records.map(({ time: _, trace: __, app: ___, ...rest }) => rest);
  };
  t.same(await asEmployee(secret.own), await asEmployee(nothing.own));
  await desk.db.insertInto('group_members').values({ group_id: 'finance', person_id: 'alice' }).execute();
  const { problem: hers } = await problem('secret');
  t.match(
    hers,
    {
      fixes: [
        { kind: 'told', text: 'Ask in finance.' },
        { kind: 'told', text: 'Closed.' },
        { kind: 'posture' },
        { kind: 'time' },
      ],
    },
    'once it is theirs, it speaks',
  );
  await desk.store.stop();
});
