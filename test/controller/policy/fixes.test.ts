import t from 'tap';
import { codeOf, findFixes } from '../../../controller/policy/fixes.ts';
import { ask, compile, goodFact, goodFacts, tuesday, withPosture } from '../../support/policy-facts.ts';

const checks = [
  { id: 'agent', title: 'Agent runs', kind: 'command', command: 'agent', fix: 'Start the agent.' } as const,
];
const fixes = (when: string, facts = goodFacts) =>
  findFixes(compile(`permit(principal in Group::"staff", action, resource) when { ${when} };`), ask({ facts }), checks);

t.test('the smallest change is told, in words about the own device and factors', async (t) => {
  const factor = fixes('context.session.secondFactorAge < 60 && context.device.firewallOn');
  t.match(factor, [{ kind: 'second-factor', text: 'Confirm your second factor again: the last time was 10 min ago.' }]);
  t.equal(codeOf(factor), 'step-up-required');
  const firewall = fixes(
    'context.device.firewallOn',
    withPosture('firewallOn', { ...goodFact(false), status: 'fail' }),
  );
  t.match(firewall, [{ kind: 'posture', fact: 'firewallOn', text: /does not meet.*ufw enable/ }]);
  t.equal(codeOf(firewall), 'device-unfit');
  t.match(fixes('context.device.firewallOn', withPosture('firewallOn', undefined)), [{ text: /Not known/ }]);
  t.match(fixes('context.device.patchAgeDays < 2'), [{ kind: 'posture', fact: 'patchAgeDays' }]);
  t.match(fixes('context.device.osMajor > 24'), [{ fact: 'osMajor' }]);
  const unchecked = { ...goodFacts, device: { ...goodFacts.device, checks: {} } };
  t.match(fixes('context.device.checks.contains("agent")', unchecked), [
    { fact: 'check:agent', text: /"Agent runs". Start the agent./ },
  ]);
});

t.test('several are told together when all are needed, and none that is not', async (t) => {
  const facts = { ...goodFacts, device: { ...goodFacts.device, posture: {} } };
  const found = fixes(
    'context.device.firewallOn && context.session.secondFactorAge < 60 && (context.device.secureBoot || context.device.diskEncrypted)',
    facts,
  );
  t.equal(found.length, 3);
  t.equal(codeOf(found), 'device-unfit');
  t.match(
    fixes('context.device.firewallOn || context.session.secondFactorAge < 60', facts),
    [{ kind: 'second-factor' }],
    'one is enough',
  );
});

t.test('what a person cannot change is for the administrator', async (t) => {
  for (const when of [
    'principal.role == "owner"',
    'context.device.ownership == "personal"',
    'context.risk.level > 5',
    'context.device.os == "macos"',
  ]) {
    t.match(fixes(when), [{ kind: 'ask-admin' }], when);
    t.equal(fixes(when).length, 1);
  }
  t.equal(codeOf(fixes('false')), 'not-allowed');
  t.match(fixes('context.time.weekday == 6'), [{ kind: 'time' }]);
  t.match(fixes('context.time.weekday == 8'), [{ kind: 'ask-admin' }]);
  t.match(fixes('true', { ...goodFacts, session: null }), [{ kind: 'sign-in' }]);
  t.match(fixes('true', { ...goodFacts, session: { ...goodFacts.session!, endsAt: tuesday } }), [{ kind: 'sign-in' }]);
});
