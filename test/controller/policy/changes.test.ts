/** Property: what is suggested does allow, and nothing of it can be left out; by made-up policies over made-up facts. */
import fc from 'fast-check';
import t from 'tap';
import { searchChanges } from '../../../controller/policy/admin-search.ts';
import { type Change, supposeAll } from '../../../controller/policy/change.ts';
import { compilePolicies } from '../../../controller/policy/compile-policies.ts';
import { couldAllow } from '../../../controller/policy/decide-partly.ts';
import type { Facts, Question } from '../../../controller/policy/facts.ts';
import { smallestOwn } from '../../../controller/policy/fixes.ts';
import { policiesInScope } from '../../../controller/policy/in-scope.ts';
import type { PolicySet } from '../../../controller/policy/policy-set.ts';
import { madePolicies } from '../../support/draft-policies.ts';
import { ask, get, goodFact, goodFacts, goodPosture, hourMs, tuesday } from '../../support/policy-facts.ts';

/** Conditions of every kind beside those of `madePolicies`, most of them unmet by `madeFacts`. */
const wishes = [
  'context.device.secureBoot && context.device.diskEncrypted',
  'context.device.patchAgeDays <= 5 || context.device.screenLock',
  'context.device.checks.containsAll(["agent", "edr"])',
  'context.session.signInAge < 1800',
  'context.session.methods.contains("otp") && context.session.secondFactorAge < 300',
  'context.network.address.isInRange(ip("192.168.0.0/16"))',
  'context.time.weekday >= 6',
  'context.time.minuteOfDay < 480 || context.time.minuteOfDay > 1200',
  'principal in Group::"finance"',
  'principal in [Group::"finance", Group::"law"] && context.risk.level < 20',
  'context.device.ownership == "personal" || principal.role == "admin"',
  'if context.device.firewallOn then context.risk.level < 90 else principal in Group::"law"',
];
const wish = fc
  .array(fc.constantFrom(...wishes), { minLength: 1, maxLength: 3 })
  .chain((terms) =>
    fc
      .constantFrom('permit', 'permit', 'forbid')
      .map((effect) => ({ effect, body: terms.map((term) => `(${term})`).join(' && ') })),
  )
  .map(
    ({ effect, body }) =>
      `${effect} (principal, action, resource) ${effect === 'permit' ? 'when' : 'unless'} { ${body} };`,
  );

const policies = fc.oneof(
  madePolicies,
  fc.array(wish, { minLength: 1, maxLength: 4 }).map((list) => list.join('\n')),
  fc.tuple(madePolicies, wish).map((both) => both.join('\n')),
);

const age = fc.constantFrom(60_000, hourMs / 2, 3 * hourMs);
const fact = (value: boolean | number) =>
  fc.constantFrom(
    undefined,
    goodFact(value),
    { ...goodFact(value), goodUntil: tuesday - 1 },
    { ...goodFact(false), status: 'fail' as const },
  );
const madeFacts: fc.Arbitrary<Facts> = fc
  .record({
    risk: fc.constantFrom(0, 30, 70),
    groups: fc.subarray(['staff', 'law']),
    posture: fc.record({
      firewallOn: fact(true),
      secureBoot: fact(true),
      diskEncrypted: fact(true),
      screenLock: fact(true),
      patchAgeDays: fact(9),
    }),
    secondFactor: fc.option(age, { nil: undefined }),
    startedAt: age,
    address: fc.constantFrom('10.1.2.3', '203.0.113.5', '2001:db8::7'),
  })
  .map(({ risk, groups, posture, secondFactor, startedAt, address }) => ({
    ...goodFacts,
    person: { ...goodFacts.person, risk, groups },
    device: { ...goodFacts.device, posture: clean({ ...goodPosture, ...posture }), checks: { agent: goodFact(true) } },
    session: {
      ...goodFacts.session!,
      methods: ['pwd'],
      startedAt: tuesday - startedAt,
      secondFactorAt: secondFactor === undefined ? null : tuesday - secondFactor,
    },
    network: { address },
  }));

function clean(posture: Record<string, Facts['device']['posture'][string] | undefined>): Facts['device']['posture'] {
  return Object.fromEntries(
    Object.entries(posture).filter(([, value]) => value !== undefined),
  ) as Facts['device']['posture'];
}

const questions = fc.record({
  facts: madeFacts,
  request: fc.constantFrom(undefined, get('/a'), { ...get('/reports/7/export', 'export'), method: 'POST' }),
});

const checks = ['agent', 'edr'].map((id) => ({ id, title: id, kind: 'command', command: id }) as const);
const operations = { export: 'POST /reports/*/export', read: 'GET /**' };

/** What is wrong with a suggestion; undefined when it is right. */
function findFault(set: PolicySet, question: Question, changes: readonly Change[]): string | undefined {
  const allows = (some: readonly Change[]) => couldAllow(set, supposeAll(question, some)).verdict === 'allow';
  const shown = changes.map(({ text }) => text).join('; ');
  if (!allows(changes)) return `does not help: ${shown}`;
  for (let mask = 0; mask < 2 ** changes.length - 1; mask += 1) {
    const part = changes.filter((_, at) => (mask & (1 << at)) !== 0);
    if (allows(part)) return `more than is needed: ${shown}; this does: ${part.map(({ text }) => text).join('; ')}`;
  }
  return undefined;
}

t.test('what is suggested allows, and no part of it does', async (t) => {
  const found = { denied: 0, own: 0, sets: 0, several: 0 };
  fc.assert(
    fc.property(policies, fc.array(questions, { minLength: 12, maxLength: 12 }), (text, many) => {
      const { set } = compilePolicies([{ id: 'made', text }], 1);
      if (set === undefined) throw new Error('the made policies are not valid');
      for (const { facts, request } of many) {
        const question = ask({ facts, request });
        if (couldAllow(set, question).verdict === 'allow') continue;
        found.denied += 1;
        const own = smallestOwn(set, policiesInScope(set, question), question, checks);
        const { sets, complete } = searchChanges(set, question, { checks, operations });
        for (const changes of [...(own === undefined ? [] : [own]), ...sets]) {
          const fault = findFault(set, question, changes);
          if (fault !== undefined) throw new Error(fault);
        }
        if (own?.some(({ by }) => by === 'admin')) throw new Error('a person was told of what only others can do');
        if (own !== undefined && sets.length === 0) throw new Error('an administrator is told less than the person');
        const [first] = sets;
        if (own !== undefined && complete && first !== undefined && first.length > own.length)
          throw new Error('not the smallest');
        found.own += own === undefined ? 0 : 1;
        found.sets += sets.length;
        found.several += sets.filter((changes) => changes.length > 1).length;
      }
    }),
    { numRuns: Number(process.env['POSTERN_TEST_RUNS'] ?? 60) },
  );
  t.ok(found.denied > 100 && found.own > 30 && found.several > 50, JSON.stringify(found));
  t.comment(JSON.stringify(found));
});
