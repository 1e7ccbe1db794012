import fc from 'fast-check';
import t from 'tap';
import { compilePolicies } from '../../controller/policy/compile-policies.ts';
import { decide } from '../../controller/policy/decide.ts';
import type { Facts, PostureFact } from '../../controller/policy/facts.ts';
import { ask, compile, goodFact, goodFacts, goodPosture, hourMs, tuesday } from '../support/policy-facts.ts';

const permitAll = 'permit(principal, action, resource);';

/** Every way in which a fact is lost: each must leave the worst value. */
const losses: Record<string, (fact: PostureFact) => PostureFact | undefined> = {
  'never reported': () => undefined,
  failed: (fact) => ({ ...fact, status: 'fail' }),
  unknown: (fact) => ({ ...fact, status: 'unknown', value: null }),
  stale: (fact) => ({ ...fact, goodUntil: tuesday }),
  'from the future': (fact) => ({ ...fact, measuredAt: tuesday + hourMs, goodUntil: tuesday + 2 * hourMs }),
  'of another type': (fact) => ({ ...fact, value: typeof fact.value === 'string' ? true : 'true' }),
  'null though passed': (fact) => ({ ...fact, value: null }),
  'no number': (fact) => (typeof fact.value === 'number' ? { ...fact, value: Number.NaN } : undefined),
  'a negative number': (fact) => (typeof fact.value === 'number' ? { ...fact, value: -1 } : undefined),
};

const lose = (facts: Facts, key: string, loss: keyof typeof losses): Facts => {
  const { [key]: fact, ...posture } = facts.device.posture;
  const lost = fact && losses[loss]?.(fact);
  return { ...facts, device: { ...facts.device, posture: lost ? { ...posture, [key]: lost } : posture } };
};

const conditions: Record<string, string> = {
  diskEncrypted: 'context.device.diskEncrypted',
  firewallOn: 'context.device.firewallOn',
  screenLock: 'context.device.screenLock',
  screenLockSeconds: 'context.device.screenLockSeconds <= 600',
  secureBoot: 'context.device.secureBoot',
  antivirusOn: 'context.device.antivirusOn',
  osUpdated: 'context.device.osUpdated',
  osSupported: 'context.device.osSupported',
  patchAgeDays: 'context.device.patchAgeDays < 30',
  osMajor: 'context.device.osMajor >= 22',
  os: 'context.device.os == "linux"',
  osVersion: 'context.device.osVersion like "ubuntu*"',
};

t.test('P8 a forbid unless a good fact holds for a device that lost the fact, however it was lost', async (t) => {
  t.same(Object.keys(conditions).sort(), Object.keys(goodPosture).sort(), 'every fact is tried');
  for (const [key, condition] of Object.entries(conditions)) {
    const forbid = compile(`${permitAll} forbid(principal, action, resource) unless { ${condition} };`);
    const permit = compile(`permit(principal, action, resource) when { ${condition} };`);
    t.equal(decide(forbid, ask()).verdict, 'allow', key);
    t.equal(decide(permit, ask()).verdict, 'allow', key);
    for (const loss of Object.keys(losses)) {
      const facts = lose(goodFacts, key, loss);
      t.equal(decide(forbid, ask({ facts })).verdict, 'deny', `forbid, ${key} ${loss}`);
      t.equal(decide(permit, ask({ facts })).verdict, 'deny', `permit, ${key} ${loss}`);
    }
  }
});

t.test('P8 a check counts while passed and fresh, and a group that cannot be read gives nothing', async (t) => {
  const set = compile(
    `${permitAll} forbid(principal, action, resource) unless { context.device.checks.contains("agent") };`,
  );
  const withCheck = (agent: PostureFact) =>
    ask({ facts: { ...goodFacts, device: { ...goodFacts.device, checks: { agent } } } });
  t.equal(decide(set, withCheck(goodFact(true))).verdict, 'allow');
  t.equal(decide(set, withCheck({ ...goodFact(false), status: 'fail' })).verdict, 'deny');
  t.equal(decide(set, withCheck({ ...goodFact(true), goodUntil: tuesday })).verdict, 'deny');
  const facts = { ...goodFacts, person: { ...goodFacts.person, groups: null } };
  t.match(decide(compile(permitAll), ask({ facts })), { verdict: 'deny', reasons: ['groups-unreadable'] });
});

t.test('P8 names inherited from objects are no facts', async (t) => {
  const posture = JSON.parse('{"__proto__": {"firewallOn": {"value": true, "status": "pass"}}}');
  const facts = { ...goodFacts, device: { ...goodFacts.device, posture: Object.create(posture) } };
  t.equal(
    decide(compile('permit(principal, action, resource) when { context.device.firewallOn };'), ask({ facts })).verdict,
    'deny',
  );
});

const atom = fc.constantFrom(
  ...Object.values(conditions).filter((text) => !text.includes(' like ')),
  'context.device.patchAgeDays > 30',
  '10 > context.device.osMajor',
  'context.device.os != "windows"',
  'context.device.firewallOn == true',
  'false == context.device.secureBoot',
  'context.session.secondFactor',
);
const { expression } = fc.letrec<{ expression: string }>((tie) => ({
  expression: fc.oneof(
    { maxDepth: 3 },
    atom,
    fc.tuple(tie('expression'), tie('expression')).map(([a, b]) => `(${a} && ${b})`),
    fc.tuple(tie('expression'), tie('expression')).map(([a, b]) => `(${a} || ${b})`),
    tie('expression').map((a) => `!(${a})`),
    fc
      .tuple(tie('expression'), tie('expression'), tie('expression'))
      .map(([a, b, c]) => `(if ${a} then ${b} else ${c})`),
  ),
}));

t.test('P8 under policies without a warning no lost fact ever turns a deny into an allow', async (t) => {
  let judged = 0;
  const property = fc.property(
    fc.constantFrom('when', 'unless'),
    fc.constantFrom('permit', 'forbid'),
    expression,
    fc.constantFrom(...Object.keys(conditions)),
    fc.constantFrom(...Object.keys(losses)),
    fc.subarray(Object.keys(conditions)),
    (clause, effect, text, key, loss, already) => {
      const policy = `${effect}(principal, action, resource) ${clause} { ${text} };`;
      const { set, problems } = compilePolicies(
        [{ id: 'p', text: effect === 'forbid' ? permitAll + policy : policy }],
        1,
      );
      const isWarned = problems.some(({ lint = '' }) => /-bad-fact$|-good-fact$/.test(lint));
      if (set === undefined || isWarned) return;
      judged += 1;
      let before = goodFacts;
      for (const lost of already) before = lose(before, lost, 'failed');
      const after = lose(before, key, loss);
      if (decide(set, ask({ facts: before })).verdict === 'deny')
        if (decide(set, ask({ facts: after })).verdict === 'allow') throw new Error(`${policy} allows without ${key}`);
    },
  );
  fc.assert(property, { numRuns: 1500, seed: 8 });
  t.ok(judged > 200, `${judged} policies without a warning were judged`);
});
