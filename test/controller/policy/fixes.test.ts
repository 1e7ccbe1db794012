import t from 'tap';
import type { PostureFact } from '../../../controller/policy/facts.ts';
import { codeOf, findFixes } from '../../../controller/policy/fixes.ts';
import { ask, compile, get, goodFact, goodFacts, hourMs, tuesday, withPosture } from '../../support/policy-facts.ts';

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
  t.match(fixes('context.device.firewallOn', withPosture('firewallOn', undefined)), [{ text: /not reported yet/ }]);
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

t.test('where a better fact makes it worse, the smallest change is found all the same', async (t) => {
  const odd =
    '(context.device.firewallOn && context.device.secureBoot && context.device.diskEncrypted) || (!context.device.firewallOn && !context.device.secureBoot && context.device.diskEncrypted)';
  const facts = { ...goodFacts, device: { ...goodFacts.device, posture: {} } };
  t.match(fixes(odd, facts), [{ kind: 'posture', fact: 'diskEncrypted' }]);
  t.equal(fixes(odd, facts).length, 1);
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
  t.match(fixes('context.time.weekday == 6'), [
    { kind: 'time', text: 'It is not open at this time. It opens Saturday 00:00 (Europe/Zurich).' },
  ]);
  t.match(fixes('context.time.weekday == 8'), [{ kind: 'ask-admin' }]);
  t.match(fixes('true', { ...goodFacts, session: null }), [{ kind: 'sign-in' }]);
  t.match(fixes('true', { ...goodFacts, session: { ...goodFacts.session!, endsAt: tuesday } }), [{ kind: 'sign-in' }]);
});

t.test('failing, stale, not found out and never reported are told apart', async (t) => {
  const told = (fact: Parameters<typeof withPosture>[1]) =>
    fixes('context.device.firewallOn', withPosture('firewallOn', fact))[0]!.text;
  const fact = goodFact(false);
  t.match(told({ ...fact, status: 'fail' }), /^This device does not meet: "A firewall/);
  t.match(told({ ...fact, value: null, status: 'unknown' }), /^This device could not find out: /);
  const old = { ...fact, measuredAt: tuesday - 3 * hourMs, goodUntil: tuesday - hourMs };
  t.match(told({ ...old, value: true }), /^The report of this device is too old \(3 h\): /);
  t.match(told({ ...old, status: 'fail' }), /too old/, 'a failure that is stale may be none by now');
  t.match(told(undefined), /^This device has not reported yet: /);
  const unchecked = (fact: PostureFact) => {
    const facts = { ...goodFacts, device: { ...goodFacts.device, checks: { agent: fact } } };
    return fixes('context.device.checks.contains("agent")', facts)[0]!.text;
  };
  t.match(unchecked({ ...fact, status: 'fail' }), /does not pass the check "Agent runs"\. Start the agent\./);
  t.match(unchecked({ ...old, value: true }), /too old \(3 h\): the check "Agent runs"/);
});

t.test('a young session, another network, another time and another request', async (t) => {
  const again = fixes('context.session.signInAge < 600 && context.session.secondFactorAge < 60');
  t.match(
    again,
    [{ kind: 'sign-in', text: 'Sign in again: the last time was 60 min ago.' }],
    'gives a fresh factor too',
  );
  t.equal(again.length, 1);
  t.equal(codeOf(again), 'sign-in-again');
  t.equal(codeOf(fixes('true', { ...goodFacts, session: null })), 'session-required');

  const away = fixes('context.network.address.isInRange(ip("192.168.0.0/16")) && context.session.secondFactorAge < 60');
  t.match(away, [{ kind: 'second-factor' }, { kind: 'network', text: /where you are now \(10\.1\.2\.3\)/ }]);
  t.equal(codeOf(away), 'not-allowed', 'nobody is held for what they cannot do in a minute');
  t.match(fixes('!context.network.address.isInRange(ip("10.0.0.0/8"))'), [{ kind: 'network' }]);

  const hours = fixes('context.time.minuteOfDay >= 540 && context.time.minuteOfDay < 600 && context.time.weekday <= 5');
  t.match(
    hours,
    [{ kind: 'time', text: /opens tomorrow 09:00 \(Europe\/Zurich\)/ }],
    'in the timezone of the organisation',
  );
  t.match(fixes('context.time.minuteOfDay > 720'), [{ text: /opens today 12:01/ }]);
  t.match(fixes('context.time.now >= datetime("2026-11-30T08:00:00Z")'), [{ text: /opens Monday 2026-11-30 09:00/ }]);
  t.match(
    fixes('context.time.weekday == 7 && context.device.firewallOn', withPosture('firewallOn', undefined)),
    [{ kind: 'posture' }, { kind: 'time', text: /opens Sunday 00:00/ }],
    'on a good device, then',
  );

  const set = compile(
    'permit(principal in Group::"staff", action == Action::"request", resource) when { context.request.operation == "read" };',
  );
  const other = findFixes(set, ask({ request: get('/x') }), checks);
  t.match(other, [{ kind: 'request' }]);
  t.equal(codeOf(other), 'not-allowed');
  t.match(
    findFixes(
      set,
      ask({ facts: { ...goodFacts, person: { ...goodFacts.person, groups: [] } }, request: get('/x') }),
      [],
    ),
    [{ kind: 'ask-admin' }],
  );
});

t.test('clocks that are set forward or back move no opening', async (t) => {
  // In Zurich clocks go back on 2026-10-25 and forward on 2027-03-28, both Sundays.
  for (const [at, opens] of [
    ['2026-10-24T10:00:00Z', 'Sunday 09:00'],
    ['2027-03-27T10:00:00Z', 'Sunday 09:00'],
  ] as const) {
    const question = ask({
      at: Date.parse(at),
      facts: { ...goodFacts, session: { ...goodFacts.session!, endsAt: Date.parse(at) + hourMs } },
    });
    const set = compile(
      'permit(principal, action, resource) when { context.time.weekday == 7 && context.time.minuteOfDay >= 540 };',
    );
    t.match(findFixes(set, question, []), [
      { kind: 'time', text: new RegExp(`(tomorrow|${opens.split(' ')[0]}) 09:00`) },
    ]);
  }
});

t.test('a policy tells employees what its author wrote for them, and nothing else of itself', async (t) => {
  const permit = '@id("p") @reason("secret reason") permit(principal in Group::"staff", action, resource);';
  const forbid =
    '@id("f") @reason("secret reason") @tell("Closed for the audit. Ask Maria.") forbid(principal, action, resource);';
  const toldBy = (text: string, facts = goodFacts) => findFixes(compile(text), ask({ facts }), checks);
  t.same(toldBy(`${permit} ${forbid}`), [
    { kind: 'told', text: 'Closed for the audit. Ask Maria.' },
    { kind: 'ask-admin', text: 'Ask your administrator.' },
  ]);
  t.equal(codeOf(toldBy(`${permit} ${forbid}`)), 'not-allowed');
  const nobody = { ...goodFacts, person: { ...goodFacts.person, groups: [] } };
  t.match(toldBy(`${permit} ${forbid}`, nobody), [{ kind: 'ask-admin' }], 'P12 not to whom no permit could let in');
  t.equal(toldBy(`${permit} ${forbid}`, nobody).length, 1);
  const laptop =
    '@tell("Use the laptop of the company.") permit(principal in Group::"staff", action, resource) when { context.device.ownership == "mine" };';
  t.match(toldBy(laptop), [{ kind: 'told', text: 'Use the laptop of the company.' }, { kind: 'ask-admin' }]);
  const hidden =
    '@tell("For finance.") permit(principal, action, resource) when { context.device.ownership == "mine" && principal in Group::"finance" };';
  t.match(toldBy(hidden), [{ kind: 'ask-admin' }], 'P12 a group that stands behind another condition hides it too');
  const stepUp =
    '@tell("Exports want a fresh code.") forbid(principal, action, resource) unless { context.session.secondFactorAge < 60 };';
  const both = toldBy(`${permit} ${stepUp}`);
  t.match(both, [{ kind: 'told' }, { kind: 'second-factor' }]);
  t.equal(codeOf(both), 'step-up-required');
});
