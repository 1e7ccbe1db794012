import fc from 'fast-check';
import t from 'tap';
import { decide } from '../../../controller/policy/decide.ts';
import type { Question } from '../../../controller/policy/facts.ts';
import { findLapse } from '../../../controller/policy/lapse.ts';
import { ask, compile, goodFact, goodFacts, tuesday, withPosture } from '../../support/policy-facts.ts';

const permit = (when: string) => `permit(principal, action, resource) when { ${when} };`;
const lapse = (text: string, question: Question = ask(), limit = tuesday + 300_000) => {
  const set = compile(text);
  const found = findLapse(set, question, limit);
  // What the lapse promises: allowed just before it and, when the policies turn it, denied at it.
  if (decide(set, { ...question, at: found.at - 1 }).verdict !== 'allow') t.fail(`denied before the lapse: ${text}`);
  if (found.turnsTo && decide(set, { ...question, at: found.at }).verdict !== 'deny') t.fail(`allowed at it: ${text}`);
  return found.at - tuesday;
};

t.test('P10 the lapse is the first moment that can turn the verdict, to the millisecond', async (t) => {
  t.equal(lapse(permit('true')), 300_000, 'the limit');
  // The second factor is 600 s old.
  t.equal(lapse(permit('context.session.secondFactorAge < 660')), 60_000);
  t.equal(lapse(permit('context.session.secondFactorAge <= 660')), 61_000);
  t.equal(lapse(permit('context.session.secondFactorAge != 650')), 50_000, 'for one second only');
  t.equal(lapse(permit('context.session.secondFactorAge * 2 < 1300')), 50_000, 'a number that is no age');
  t.equal(lapse(permit('context.session.signInAge - 3000 != 630')), 30_000, 'for one second only, computed');
  t.equal(lapse(permit('context.time.now.offset(duration("1m")) < datetime("2026-11-10T10:02:30.500Z")')), 90_500);
  t.equal(lapse(permit('context.session.signInAge < 3700')), 100_000);
  t.equal(lapse(permit('context.session.secondFactorAge < 500 || context.risk.level == 0')), 300_000);
  t.equal(
    lapse(`${permit('true')} forbid(principal, action, resource) when { context.session.secondFactorAge >= 700 };`),
    100_000,
  );
  t.equal(lapse(permit('context.time.minuteOfDay < 662')), 120_000);
  t.equal(lapse(permit('context.time.now < datetime("2026-11-10T10:01:30.500Z")')), 90_500);
  t.equal(
    lapse(`${permit('true')} forbid(principal, action, resource) when { context.time.minuteOfDay == 661 };`),
    60_000,
  );
});

t.test('P10 a fact that goes stale ends a grant that rests on it and no other', async (t) => {
  const stale = { ...goodFact(true), goodUntil: tuesday + 45_000 };
  const facts = withPosture('firewallOn', stale);
  t.equal(lapse(permit('context.device.firewallOn'), ask({ facts })), 45_000);
  t.equal(lapse(permit('context.device.diskEncrypted'), ask({ facts })), 300_000);
  const checks = { agent: stale };
  const checked = { ...goodFacts, device: { ...goodFacts.device, checks } };
  t.equal(lapse(permit('context.device.checks.contains("agent")'), ask({ facts: checked })), 45_000);
});

t.test('P10 session and certificate end every grant', async (t) => {
  const { session, device } = goodFacts;
  t.equal(
    lapse(permit('true'), ask({ facts: { ...goodFacts, session: { ...session!, endsAt: tuesday + 7000 } } })),
    7000,
  );
  t.equal(
    lapse(permit('true'), ask({ facts: { ...goodFacts, device: { ...device, certificateEndsAt: tuesday + 9000 } } })),
    9000,
  );
});

t.test('policies of others cost no evaluation', async (t) => {
  const others = `permit(principal in Group::"other", action, resource) when { context.session.secondFactorAge < 610 };`;
  t.equal(lapse(`${permit('true')} ${others}`), 300_000);
});

t.test('P10 by chance: allowed at every moment of the life of a grant', async (t) => {
  const atom = fc.oneof(
    fc
      .tuple(
        fc.constantFrom('secondFactorAge', 'signInAge'),
        fc.constantFrom('<', '<=', '>', '>=', '==', '!='),
        fc.integer({ min: 595, max: 665 }),
        fc.boolean(),
      )
      .map(([name, operator, long, turned]) => {
        const age = name === 'signInAge' ? 'context.session.signInAge - 3000' : `context.session.${name}`;
        return turned ? `${long} ${operator} ${age}` : `${age} ${operator} ${long}`;
      }),
    fc.constantFrom(
      'context.device.firewallOn',
      'context.time.minuteOfDay == 660',
      'context.time.now < datetime("2026-11-10T10:00:20.300Z")',
      'context.time.now >= datetime("2026-11-10T10:00:40Z")',
    ),
  );
  const condition = fc
    .array(fc.array(atom, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 3 })
    .map((terms) => terms.map((term) => `(${term.join(' && ')})`).join(' || '));
  const facts = withPosture('firewallOn', { ...goodFact(true), goodUntil: tuesday + 33_000 });
  let judged = 0;
  const property = fc.property(condition, fc.boolean(), fc.integer({ min: 0, max: 999 }), (text, forbids, late) => {
    const policy = forbids
      ? `permit(principal, action, resource); forbid(principal, action, resource) when { ${text} };`
      : permit(text);
    const set = compile(policy);
    const question = ask({ facts, at: tuesday + late });
    if (decide(set, question).verdict === 'deny') return;
    judged += 1;
    const { at } = findLapse(set, question, tuesday + 60_000);
    const step = Math.max(1, Math.floor((at - question.at) / 90));
    for (let moment = question.at; moment < at; moment += step)
      if (decide(set, { ...question, at: moment }).verdict === 'deny')
        throw new Error(`denied at ${moment - tuesday} of ${at - tuesday}: ${policy}`);
  });
  fc.assert(property, { numRuns: 250, seed: 10 });
  t.ok(judged > 40, `${judged} grants were judged`);
});
