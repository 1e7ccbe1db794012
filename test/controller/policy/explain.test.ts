import t from 'tap';
import { searchChanges } from '../../../controller/policy/admin-search.ts';
import { couldAllow } from '../../../controller/policy/decide-partly.ts';
import { explainVerdict } from '../../../controller/policy/explain.ts';
import { adminWords, auditorWords } from '../../../controller/policy/explain-words.ts';
import type { Facts, Question } from '../../../controller/policy/facts.ts';
import { codeOf, findFixes } from '../../../controller/policy/fixes.ts';
import { errorTable } from '../../../shared/base/errors.ts';
import type { Fix } from '../../../shared/contracts/sign-in.ts';
import { ask, compile, get, goodFact, goodFacts, hourMs, tuesday, withPosture } from '../../support/policy-facts.ts';

const person = (over: Partial<Facts['person']>): Facts => ({ ...goodFacts, person: { ...goodFacts.person, ...over } });
const session = (over: Partial<NonNullable<Facts['session']>>): Facts => ({
  ...goodFacts,
  session: { ...goodFacts.session!, ...over },
});

const operations = { export: 'POST /reports/*/export', read: 'GET /**' };

const employeeWords = (fixes: readonly Fix[]) => [
  errorTable[codeOf(fixes)].title,
  ...fixes.map(({ text }) => `- ${text}`),
];

function wordings(text: string, question: Question) {
  const set = compile(text);
  const verdict = couldAllow(set, question);
  const explanation = explainVerdict(set, question, verdict);
  const isDenied = verdict.verdict === 'deny';
  const changes = isDenied ? searchChanges(set, question, { checks: [], operations }) : undefined;
  return {
    verdict: verdict.verdict,
    admin: adminWords(explanation, question.at, changes),
    auditor: auditorWords(explanation, question.at),
    employee: isDenied ? employeeWords(findFixes(set, question, [])) : [],
  };
}

const permit = (when: string) =>
  `@id("rule") @reason("The rule") permit(principal in Group::"staff", action, resource) when { ${when} };`;
const permitRequest = (when: string) => permit(when).replace('action,', 'action == Action::"request",');
const exporting = { ...get('/reports/7/export', 'export'), method: 'POST' };

/** What is denied and why: policies, question; a line of the facts, a change for admins, what the employee reads. */
const rows: readonly (readonly [
  what: string,
  policy: string,
  question: Question,
  fact: RegExp,
  change: RegExp,
  employee: RegExp,
])[] = [
  [
    'an old second factor',
    permit('context.session.secondFactorAge < 900'),
    ask({ facts: session({ secondFactorAt: tuesday - 3 * hourMs }) }),
    /^ {2}session\.secondFactorAge = 10,800 s, wanted < 900 s \(sign-in, 3 h before\)$/m,
    /- confirm the second factor: the last time was 3 h ago$/m,
    /^- Confirm your second factor again: the last time was 3 h ago\.$/m,
  ],
  [
    'no second factor',
    permit('context.session.secondFactor'),
    ask({ facts: session({ secondFactorAt: null }) }),
    /session\.secondFactor = false, wanted true/,
    /it never was in this session/,
    /^- Confirm your second factor\.$/m,
  ],
  [
    'an old sign-in',
    permit('!(context.session.signInAge >= 1800)'),
    ask(),
    /session\.signInAge = 3,600 s, wanted < 1,800 s/,
    /- sign in anew: the session is 60 min old$/m,
    /^Sign in again to go on\.\n- Sign in again: the last time was 60 min ago\.$/,
  ],
  [
    'a factor that no sign-in gives',
    permit('context.session.methods.contains("hwk")'),
    ask(),
    /session\.methods = password, totp, wanted with hwk/,
    /- a sign-in with the factor "hwk": the session has password, totp \[administrator\]/,
    /^You may not use this\.\n- Ask your administrator\.$/,
  ],
  [
    'a fact that failed',
    permit('context.device.firewallOn'),
    ask({ facts: withPosture('firewallOn', { ...goodFact(false), status: 'fail' }) }),
    /device\.firewallOn = false, wanted true \(failed, self, a moment before, good for 60 min more\)/,
    /- device\.firewallOn true: it failed$/m,
    /^- This device does not meet: "A firewall/m,
  ],
  [
    'a fact that is stale',
    permit('context.device.firewallOn'),
    ask({
      facts: withPosture('firewallOn', {
        ...goodFact(true),
        measuredAt: tuesday - 3 * hourMs,
        goodUntil: tuesday - 2 * hourMs,
      }),
    }),
    /device\.firewallOn = false, wanted true \(stale, self, 3 h before\)/,
    /- device\.firewallOn true: it is stale since 2 h$/m,
    /^- The report of this device is too old \(3 h\)/m,
  ],
  [
    'a fact that was never reported',
    permit('context.device.patchAgeDays <= 14'),
    ask({ facts: withPosture('patchAgeDays', undefined) }),
    /device\.patchAgeDays = 36,500 days, wanted <= 14 days \(never reported\)/,
    /- device\.patchAgeDays better: it was never reported$/m,
    /^- This device has not reported yet: "Age in days/m,
  ],
  [
    'a check that is not there',
    permit('context.device.checks.contains("edr")'),
    ask(),
    /check:edr = not passed, wanted passed \(never reported\)/,
    /- check:edr passed: it was never reported; it is no check of the organisation now \[administrator\]/,
    /^- Ask your administrator\.$/m,
  ],
  [
    'another network',
    permit('context.network.address.isInRange(ip("192.168.0.0/16"))'),
    ask(),
    /network\.address = 10\.1\.2\.3, wanted in 192\.168\.0\.0\/16 \(connection\)/,
    /- from 192\.168\.0\.0\/16 instead of 10\.1\.2\.3$/m,
    /not open from where you are now \(10\.1\.2\.3\)/,
  ],
  [
    'another time',
    permit('context.time.minuteOfDay >= 540 && context.time.minuteOfDay < 600'),
    ask(),
    /time\.minuteOfDay = 11:00, as wanted: >= 09:00, wanted < 10:00/,
    /- tomorrow 09:00 \(Europe\/Zurich\)/,
    /It opens tomorrow 09:00 \(Europe\/Zurich\)\./,
  ],
  [
    'another request',
    permitRequest('context.request.operation == "read"'),
    ask({ request: exporting }),
    /request\.operation = export, wanted == read/,
    /- another request: operation read \(GET \/\*\*\)$/m,
    /This part of the app is not open to you/,
  ],
  [
    'another group, in the scope and in a condition',
    `@id("rule") permit(principal in Group::"finance", action, resource) when { principal in Group::"payroll" };`,
    ask(),
    /^deny: no-permit/,
    /- alice in group finance \[administrator\]\n {2}- alice in group payroll \[administrator\]$/m,
    /^You may not use this\.\n- Ask your administrator\.$/,
  ],
  [
    'a group that is forbidden',
    `${permit('true')} @id("no") forbid(principal in Group::"staff", action, resource);`,
    ask(),
    /^policy no \(forbid, test\.cedar:1\) holds$/m,
    /No change that Postern knows of would allow it/,
    /^- Ask your administrator\.$/m,
  ],
  [
    'too much risk',
    `${permit('true')} @id("no") forbid(principal, action, resource) when { context.risk.level > 50 };`,
    ask({ facts: person({ risk: 70 }) }),
    /risk\.level = 70, wanted <= 50 \(administrators\)/,
    /- risk level 50 for alice: it is 70 \[administrator\]$/m,
    /^- Ask your administrator\.$/m,
  ],
  [
    'the ownership of the device, and a role',
    permit('context.device.ownership == "personal" && principal.role == "admin"'),
    ask(),
    /person\.role = employee, wanted == admin/,
    /ownership is "personal": that of dev_00000001 is "company" \[administrator\]\n.*role admin: it is employee \[administrator\]$/m,
    /^- Ask your administrator\.$/m,
  ],
  [
    'a person who is suspended, on a device that waits',
    permit('true'),
    ask({ facts: { ...person({ state: 'suspended' }), device: { ...goodFacts.device, state: 'pending' } } }),
    /^deny: person-not-active/,
    /- alice active: the person is suspended \[administrator\]\n.*device dev_00000001 active: it waits for its approval/,
    /^- Ask your administrator\.$/m,
  ],
  [
    'a forbid that errs',
    `${permit('true')} @id("no") forbid(principal, action, resource) when { context.risk.level * 9007199254740991 * 9007199254740991 > 0 };`,
    ask({ facts: person({ risk: 70 }) }),
    /^policy no \(forbid, test\.cedar:1\) could not be evaluated\n {2}error .* \(integer overflow/m,
    /- risk level 0 for alice: it is 70 \[administrator\]$/m,
    /^- Ask your administrator\.$/m,
  ],
];

t.test('what is denied, why, and what would allow it: in three wordings', async (t) => {
  for (const [what, policy, question, fact, change, employee] of rows) {
    const words = wordings(policy, question);
    t.equal(words.verdict, 'deny', what);
    t.match(words.admin.join('\n'), fact, `${what}: the facts`);
    t.match(words.admin.join('\n'), change, `${what}: what would help`);
    t.match(words.auditor.join('\n'), fact, `${what}: the facts for an auditor`);
    t.notMatch(words.auditor.join('\n'), change, `${what}: an auditor reads what was, not what could be`);
    t.match(words.employee.join('\n'), employee, `${what}: the employee`);
    for (const word of ['rule', 'finance', 'payroll', 'staff', '900', '1,800', '192.168', 'hwk', 'edr'])
      t.notMatch(words.employee.join('\n'), word, `P12 ${what}: never ${word}`);
  }
});

t.test('an allow is explained as well: by which policy, on what', async (t) => {
  const { verdict, admin } = wordings(
    permit('context.device.firewallOn && context.session.secondFactorAge < 900'),
    ask(),
  );
  t.equal(verdict, 'allow');
  t.same(admin, [
    'allow: policy-permit. A policy permits it and none forbids it.',
    'policy rule (permit, test.cedar:1) holds: The rule',
    '  true   device.firewallOn',
    '  true   session.secondFactorAge < 900',
    'facts',
    '  device.firewallOn = true, as wanted: true (self, a moment before, good for 60 min more)',
    '  person.groups = staff, as wanted: in staff (administrators)',
    '  session.secondFactorAge = 600 s, as wanted: < 900 s (sign-in, 10 min before)',
  ]);
});

t.test('conditions are shown one by one, in the words of the policy', async (t) => {
  const shown = (when: string, question = ask({ request: exporting })) =>
    wordings(`permit(principal, action == Action::"request", resource) ${when};`, question)
      .admin.filter((line) => /^ {2}(true|false|error) /.test(line))
      .map((line) => line.trim().replace(/^(\w+) +/, '$1 '));
  t.same(
    shown('when { context.request.path like "/a*" } unless { context.risk.level < 5 || principal in Group::"staff" }'),
    ['false request.path like "/a*"', 'false risk.level >= 5', 'false !(person in Group::"staff")'],
  );
  t.same(
    shown('when { (context.device.secureBoot || context.device.firewallOn) && !(context.risk.level > 5) && false }'),
    ['true device.secureBoot || device.firewallOn', 'true risk.level <= 5', 'false false'],
  );
  t.same(shown('when { (if context.risk.level > 5 then false else ["a", "b"].contains(context.request.method)) }'), [
    'false if risk.level > 5 then false else ["a", "b"].contains(request.method)',
  ]);
  t.same(shown('when { context.risk.level + 9007199254740991 * 1025 < 0 }'), [
    'error risk.level + 9007199254740991 * 1025 < 0 (integer overflow while attempting to multiply the values `9007199254740991` and `1025`)',
  ]);
});

t.test('without a request what looks at one is open, and the rest is told', async (t) => {
  const text = permitRequest('context.device.firewallOn && context.request.method == "GET"');
  const { verdict, admin } = wordings(text, ask());
  t.equal(verdict, 'allow', 'some request could be allowed');
  t.match(
    admin.join('\n'),
    /holds for some requests: The rule\n {2}true {3}device\.firewallOn\n {2}open {3}request\.method == "GET"\n/,
  );
  t.match(admin.join('\n'), /request\.method = not told, wanted == GET \(request\)/);
});

t.test('a person can act alone, and an administrator with less: both ways are told', async (t) => {
  const both = `${permit('context.device.firewallOn && context.device.secureBoot')} permit(principal in Group::"finance", action, resource);`;
  const facts = { ...goodFacts, device: { ...goodFacts.device, posture: {} } };
  const { admin } = wordings(both, ask({ facts }));
  t.match(
    admin.join('\n'),
    /allowed with\n {2}- alice in group finance \[administrator\]\nor with\n {2}- device\.firewallOn.*\n {2}- device\.secureBoot/,
  );
});

t.test('nothing in force', async (t) => {
  const verdict = couldAllow(undefined, ask());
  t.same(auditorWords(explainVerdict(undefined, ask(), verdict), tuesday), [
    'deny: policy-unavailable. No policy version is in force.',
  ]);
});
