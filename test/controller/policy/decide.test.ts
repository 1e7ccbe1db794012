import t from 'tap';
import { decide } from '../../../controller/policy/decide.ts';
import { couldAllow } from '../../../controller/policy/decide-partly.ts';
import { ask, compile, get, goodFacts, tuesday, wiki } from '../../support/policy-facts.ts';

const staff = '@id("staff") permit(principal in Group::"staff", action, resource);';
const outcome = (text: string, question = ask()) => {
  const { verdict, reasons, policies } = decide(compile(text), question);
  return [verdict, ...reasons, ...policies];
};

t.test('a permit permits, a forbid beats it, and nothing means no', async (t) => {
  t.same(outcome(staff), ['allow', 'policy-permit', 'staff']);
  t.same(outcome(`${staff} @id("no") forbid(principal, action, resource);`), ['deny', 'policy-forbid', 'no']);
  t.same(outcome(''), ['deny', 'no-permit']);
  t.same(outcome('@id("x") permit(principal in Group::"other", action, resource);'), ['deny', 'no-permit']);
  t.match(decide(undefined, ask()), { verdict: 'deny', reasons: ['policy-unavailable'] });
});

t.test('every fact of the context is there for a policy', async (t) => {
  const when = (condition: string, question = ask({ request: get('/a') })) =>
    t.equal(
      outcome(`permit(principal, action == Action::"request", resource) when { ${condition} };`, question)[0],
      'allow',
      condition,
    );
  when(
    'principal.role == "employee" && principal.name == "Alice" && resource.kind == "http" && resource.site == "main"',
  );
  when('context.session.secondFactor && context.session.secondFactorAge == 600 && context.session.signInAge == 3600');
  when('context.session.methods.contains("totp")');
  when('context.device.ownership == "company" && context.device.os == "linux" && context.device.osMajor == 24');
  when('context.device.checks.contains("agent") && context.device.patchAgeDays == 3');
  when('context.network.address.isInRange(ip("10.0.0.0/8"))');
  when('context.time.minuteOfDay == 660 && context.time.weekday == 2'); // Zurich is an hour ahead in winter
  when('context.time.now == datetime("2026-11-10T10:00:00Z") && context.risk.level == 0');
  when('context.request.method == "GET" && context.request.path == "/a" && context.request.operation == ""');
  const mapped = { ...goodFacts, network: { address: '::ffff:10.1.2.3' } };
  when('context.network.address.isInRange(ip("10.0.0.0/8"))', ask({ facts: mapped, request: get('/a') }));
  const never = { ...goodFacts, session: { ...goodFacts.session!, secondFactorAt: null } };
  when('context.session.secondFactorAge > 1000000000 && !context.session.secondFactor', ask({ facts: never }));
});

t.test('nobody without standing is asked about', async (t) => {
  const { person, device, session } = goodFacts;
  for (const [facts, reason] of [
    [{ ...goodFacts, person: { ...person, state: 'suspended' } }, 'person-not-active'],
    [{ ...goodFacts, device: { ...device, state: 'pending' } }, 'device-not-active'],
    [{ ...goodFacts, session: null }, 'session-required'],
    [{ ...goodFacts, session: { ...session!, endsAt: tuesday } }, 'session-required'],
    [{ ...goodFacts, person: { ...person, groups: null } }, 'groups-unreadable'],
  ] as const) {
    t.same(outcome('permit(principal, action, resource);', ask({ facts })), ['deny', reason]);
    t.match(couldAllow(compile('permit(principal, action, resource);'), ask({ facts })), {
      verdict: 'deny',
      reasons: [reason],
    });
  }
});

t.test('policies of other apps are not evaluated and change nothing', async (t) => {
  const others = Array.from({ length: 300 }, (_, i) => `forbid(principal, action, resource == App::"app${i}");`).join(
    '\n',
  );
  t.same(outcome(`${staff} ${others}`), ['allow', 'policy-permit', 'staff']);
  t.same(outcome(`${staff} ${others}`, ask({ app: { ...wiki, id: 'app7' } }))[1], 'policy-forbid');
});

t.test('what some request could be allowed is told without one', async (t) => {
  const text = `@id("p") permit(principal in Group::"staff", action == Action::"request", resource) when { context.request.path like "/a*" };`;
  const set = compile(text);
  t.match(decide(set, ask()), { verdict: 'deny' }, 'without a request nothing is granted');
  t.match(couldAllow(set, ask()), { verdict: 'allow', policies: ['p'] });
  const facts = { ...goodFacts, person: { ...goodFacts.person, groups: [] } };
  t.match(couldAllow(set, ask({ facts })), { verdict: 'deny' });
  const forbidden = compile(
    `${text} @id("f") forbid(principal, action, resource) unless { context.device.firewallOn };`,
  );
  const off = { ...goodFacts, device: { ...goodFacts.device, posture: {} } };
  t.match(couldAllow(forbidden, ask({ facts: off })), { verdict: 'deny', reasons: ['policy-forbid'], policies: ['f'] });
  t.match(decide(set, ask({ request: get('/b') })), { verdict: 'deny', reasons: ['no-permit'] });
  t.match(decide(set, ask({ request: get('/ab') })), { verdict: 'allow' });
});
