import t from 'tap';
import { judgeDraft } from '../../../controller/policy/judge-draft.ts';
import { momentOf } from '../../../controller/policy/tests/moment.ts';
import { someNames } from '../../support/policy-facts.ts';

const policies = `@id("read") permit(principal in Group::"staff", action, resource)
when { context.session.secondFactor && context.device.diskEncrypted && context.time.weekday < 6 };
@id("export") permit(principal in Group::"finance", action == Action::"request", resource == App::"wiki")
when { context.request.operation == "export" && context.session.secondFactorAge <= 900 };
@id("away") forbid(principal, action, resource) unless { context.network.address.isInRange(ip("192.0.2.0/24")) };`;

const judge = (tests: string, known = someNames) =>
  judgeDraft({ files: [{ id: 'p', text: policies }], tests: [{ id: 'p', text: tests }] }, known);

t.test('what a case leaves out is good, and each member makes it otherwise', async (t) => {
  const { tests, problems } = judge(`
defaults: { groups: [staff], app: wiki }
tests:
  - { name: good, expect: allow, policies: [read], reasons: [policy-permit] }
  - { name: by its parent, groups: [finance], expect: allow }
  - { name: any request, app: ssh, expect: allow }
  - { name: no factor, secondFactor: none, expect: deny, explains: second factor }
  - { name: nobody signed in, signIn: none, expect: deny, reasons: [session-required] }
  - { name: failed, device: { diskEncrypted: false }, expect: deny }
  - { name: stale, device: { diskEncrypted: stale }, expect: deny }
  - { name: unknown, device: { diskEncrypted: unknown }, expect: deny }
  - { name: suspended, state: suspended, expect: deny, reasons: [person-not-active] }
  - { name: elsewhere, network: 198.51.100.1, expect: deny, policies: [away], reasons: [policy-forbid] }
  - { name: on Saturday, time: Sat 10:00, expect: deny }
  - { name: on a day, time: "2026-11-14T10:00", expect: deny }
  - { name: an operation, groups: [finance], device: { diskEncrypted: false }, operation: export, expect: allow, policies: [export] }
  - { name: its request, groups: [finance], request: POST /reports/7/export, expect: allow, policies: [export, read] }
  - { name: too old, groups: [finance], device: { diskEncrypted: false }, operation: export, secondFactor: 16 min ago, expect: deny }
`);
  t.same(
    problems.filter(({ severity }) => severity === 'error'),
    [],
  );
  t.equal(tests.length, 15);
  for (const { name, passed, got, why } of tests) t.ok(passed, `${name}: ${got} ${why.join('; ')}`);
});

t.test('a case that cannot be asked, or expects something else, fails at its member', async (t) => {
  const failing = (members: string) => judge(`tests:\n  - { name: x, ${members} }\n`).tests[0];
  t.match(failing('app: wikki, expect: deny'), {
    passed: false,
    why: [/no app "wikki"\. Did you mean "wiki"/],
    place: { line: 2 },
  });
  t.match(failing('app: wiki, groups: [stuff], expect: deny'), { why: [/no group "stuff"\. Did you mean "staff"/] });
  t.match(failing('app: wiki, operation: exprt, expect: deny'), {
    why: [/no operation "exprt"\. Did you mean "export"/],
  });
  t.match(failing('app: wiki, operation: export, request: GET /a, expect: deny'), { why: [/is no operation of wiki/] });
  t.match(failing('app: wiki, request: GET /a/../b, expect: deny'), {
    why: [/refused before any policy: dot-segments/],
  });
  t.match(failing('app: ssh, request: GET /a, expect: deny'), { why: [/connections only/] });
  t.match(failing('app: wiki, policies: [raed], expect: deny'), { why: [/no policy "raed"/] });
  t.match(failing('app: wiki, expect: allow'), { passed: false, expected: 'allow', got: 'deny', why: [/^no-permit/] });
  t.match(failing('app: wiki, groups: [staff], expect: allow, policies: [export]'), { got: 'by read' });
  t.match(failing('app: wiki, groups: [staff], secondFactor: none, expect: deny, explains: the moon'), {
    got: 'another explanation',
  });
  t.match(failing('expect: deny'), { why: ['This test names no app.'] });
});

t.test('times of a test are told in the timezone of the organisation, over a change of clocks too', async (t) => {
  const at = (text: string) => new Date(momentOf(text, 'Europe/Zurich') ?? Number.NaN).toISOString();
  t.equal(at('Tue 10:00'), '2026-11-10T09:00:00.000Z');
  t.equal(at('2026-07-01T10:00'), '2026-07-01T08:00:00.000Z');
  t.equal(at('2026-03-29T03:30'), '2026-03-29T01:30:00.000Z');
  t.equal(at('2026-10-25T01:30'), '2026-10-24T23:30:00.000Z');
  t.equal(at('2026-07-01T10:00:00Z'), '2026-07-01T10:00:00.000Z');
  t.equal(momentOf('Tue 25:00', 'UTC'), undefined);
  t.equal(momentOf('2026-13-01T10:00', 'UTC'), undefined);
});
