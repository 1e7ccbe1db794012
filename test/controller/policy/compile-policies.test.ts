import t from 'tap';
import { compilePolicies } from '../../../controller/policy/compile-policies.ts';
import { someNames } from '../../support/policy-facts.ts';

const compile = (text: string) => compilePolicies([{ id: 'a', text }], 3, someNames);

t.test('a policy is read: its name, its place and what it looks at', async (t) => {
  const { set, problems } = compile(`// a comment with é before
@id("wiki readers") @reason("Staff read the wiki") @tell("Ask Maria.")
permit(principal in Group::"staff", action == Action::"request", resource in AppGroup::"internal")
when { context.session.secondFactorAge < 900 && context.request.path like "/a*" };

forbid(principal, action, resource is App) unless { context has time.now && context.time.now < datetime("2026-12-01T00:00:00Z") };`);
  t.match(problems, [{ severity: 'warning', lint: 'no-id', policy: 'a#1', line: 6 }]);
  t.equal(problems.length, 1);
  t.equal(set?.epoch, 3);
  t.match(set?.policies[0], {
    name: 'wiki readers',
    line: 2,
    effect: 'permit',
    longs: [900],
    reason: 'Staff read the wiki',
    tell: 'Ask Maria.',
  });
  t.same([...(set?.policies[0]?.reads ?? [])], ['session.secondFactorAge', 'request.path']);
  t.match(set?.policies[1], { name: 'a#1', line: 6, reason: undefined, tell: undefined });
  t.same(set?.policies[1]?.moments, [Date.parse('2026-12-01T00:00:00Z')]);
});

t.test('more than ten policies keep their order and names', async (t) => {
  const text = Array.from({ length: 12 }, (_, i) => `@id("n${i}") permit(principal, action, resource);`).join('\n');
  t.same(
    compile(text).set?.policies.map(({ name, line }) => [name, line]),
    Array.from({ length: 12 }, (_, i) => [`n${i}`, i + 1]),
  );
});

t.test('what is wrong is refused with its line', async (t) => {
  const refused = (text: string, line: number, message: RegExp) => {
    const { set, problems } = compile(text);
    t.equal(set, undefined, text);
    t.match(problems, [{ severity: 'error', file: 'a', line, message }]);
  };
  refused('permit(principal, action, resource)\n\n when { 1 + };', 3, /unexpected token/);
  refused('// ü ü ü\npermit(principal, action, resource)\nwhen { context.device.foo };', 3, /device.foo/);
  refused('permit(principal, action, resource)\nwhen { context.request.path == "/" };', 2, /request/);
  refused('permit(principal == Person::"bob", action, resource);', 1, /There is no person "bob"/);
  refused('permit(principal in Group::"nope", action, resource);', 1, /There is no group "nope"/);
  refused('permit(principal, action, resource == App::"gone");', 1, /There is no app "gone"/);
  refused('permit(principal, action, resource) when { resource in AppGroup::"gone" };', 1, /group of apps "gone"/);
  refused('permit(principal, action, resource) when { context.risk.level < 9007199254740993 };', 1, /2\^53/);
  refused(
    '@id("x") permit(principal, action, resource);\n@id("x") forbid(principal, action, resource);',
    2,
    /this name too/,
  );
  t.match(compile('permit(principal == ?principal, action, resource);').problems, [{ message: /Templates/ }]);
  t.equal(compilePolicies([{ id: 'a', text: ' '.repeat(300_000) }], 1).set, undefined);
  t.equal(
    compilePolicies(
      [
        { id: 'a', text: '' },
        { id: 'a', text: '' },
      ],
      1,
    ).set,
    undefined,
  );
});

t.test('names are not looked up when a stored version is loaded', async (t) => {
  t.ok(compilePolicies([{ id: 'a', text: 'permit(principal, action, resource == App::"gone");' }], 1).set);
});

t.test('P8 a permit that needs a bad fact and a forbid that needs a good one are warned of', async (t) => {
  const warned = (text: string) =>
    compile(text)
      .problems.filter(({ lint = '' }) => /-bad-fact|-good-fact/.test(lint))
      .map(({ severity, message }) => [severity, /(bad|good) \w+/.exec(message)?.[0]]);
  const all = '(principal, action, resource)';
  for (const [text, fact] of [
    [`permit${all} when { !context.device.firewallOn };`, 'bad firewallOn'],
    [`permit${all} unless { context.device.firewallOn };`, 'bad firewallOn'],
    [`permit${all} when { context.device.firewallOn == false };`, 'bad firewallOn'],
    [`permit${all} when { context.device.patchAgeDays > 30 };`, 'bad patchAgeDays'],
    [`permit${all} when { 10 > context.device.osMajor };`, 'bad osMajor'],
    [`permit${all} unless { context.device.checks.contains("x") };`, 'bad checks'],
    [`forbid${all} when { context.device.firewallOn };`, 'good firewallOn'],
    [`forbid${all} when { context.device.os == "windows" };`, 'good os'],
    [`forbid${all} unless { context.device.patchAgeDays > 30 };`, 'good patchAgeDays'],
  ] as const)
    t.same(warned(text), [['warning', fact]], text);
  for (const text of [
    `permit${all} when { context.device.firewallOn && context.device.patchAgeDays <= 30 };`,
    `permit${all} when { context.device.os == "linux" && context.device.osMajor >= 12 };`,
    `forbid${all} unless { context.device.firewallOn || context.device.checks.contains("x") };`,
    `forbid${all} when { !context.device.diskEncrypted };`,
    `forbid${all} when { context.device.patchAgeDays > 30 };`,
  ])
    t.same(warned(text), [], text);
});
