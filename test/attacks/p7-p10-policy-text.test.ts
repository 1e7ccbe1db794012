/** Policy texts as weapons: against the engine, and against the reading that decides what a grant covers. */
import t from 'tap';
import { compilePolicies } from '../../controller/policy/compile-policies.ts';
import { maxPolicyDepth } from '../../controller/policy/limit-nesting.ts';
import { PolicyDesk } from '../support/policy-desk.ts';

const staff = '@id("staff") permit(principal in Group::"staff", action, resource);';
const when = (condition: string) => `permit(principal, action == Action::"request", resource) when { ${condition} };`;
const get = { method: 'GET', host: 'wiki.test', path: '/a', query: '' };

const bombs: Record<string, (n: number) => string> = {
  parentheses: (n) => when(`${'('.repeat(n)}true${')'.repeat(n)}`),
  'parentheses that never close': (n) => when('('.repeat(n)),
  sets: (n) => when(`${'['.repeat(n)}1${']'.repeat(n)}.contains(1)`),
  records: (n) => when(`${'{a: '.repeat(n)}1${'}.a'.repeat(n)} == 1`),
  ands: (n) => when(Array(n).fill('principal.role == "x"').join(' && ')),
  ors: (n) => when(Array(n).fill('principal.role == "x"').join(' || ')),
  sums: (n) => when(`${'1 + '.repeat(n)}1 == 3`),
  ifs: (n) => when(`${'if principal.role == "x" then true else '.repeat(n)}true`),
  calls: (n) => when(`context.time.now${'.toDate()'.repeat(n)} == context.time.now`),
  conditions: (n) => `permit(principal, action, resource) ${'when { principal.role == "x" } '.repeat(n)};`,
  'chains in brackets': (n) => when(`${'(1 + 1 + '.repeat(n)}1${')'.repeat(n)} == 5`),
  'brackets behind a quote that opens nothing': (n) => when(`"\\\n${'('.repeat(n)}true${')'.repeat(n)}`),
  'brackets behind a comment': (n) => when(`// "\n${'('.repeat(n)}true${')'.repeat(n)}`),
};

t.test('P6, P7 no text takes the engine down: too deep is refused, and decisions go on', async (t) => {
  const desk = await PolicyDesk.open();
  await desk.publish(staff);
  for (const [name, bomb] of Object.entries(bombs))
    for (const n of [maxPolicyDepth, 400, 5000])
      await t.rejects(desk.publish(bomb(n)), { code: 'policy-invalid' }, `${n} ${name}`);
  await t.resolves(desk.grant());
  await desk.store.stop();
});

t.test('P6, P7 the deepest texts that are taken are decided', async (t) => {
  const desk = await PolicyDesk.open();
  for (const [name, bomb] of Object.entries(bombs)) {
    let most = maxPolicyDepth;
    while (most > 0 && compilePolicies([{ id: 'a', text: bomb(most) }], 1).set === undefined) most -= 1;
    if (most > 0) await t.resolves(desk.publish(`${staff} ${bomb(most)}`), `${most} ${name}`);
    if (most > 0) await t.resolves(desk.grant({ request: get }), `decided with ${most} ${name}`);
  }
  const wide = Array.from({ length: 3000 }, (_, i) => `"${i}"`).join(', ');
  await t.resolves(desk.publish(`${staff} ${when(`[${wide}].contains(principal.role)`)}`), 'width is no depth');
  await desk.store.stop();
});

t.test('P9, P10 what a policy looks at cannot be hidden in a record', async (t) => {
  const hidden = [
    '{op: context.request.path}.op == "/a"',
    '{op: {op: context}}.op.op.request.path == "/a"',
    '{"<": context.request.path}["<"] == "/a"',
    '{"<": context.request.path, other: 1} == {"<": "/a", other: 1}',
    '{"==": {left: 1, right: context.request.path}}["=="].right == "/a"',
    '{Var: context.request.path}.Var == "/a"',
    '{"type": context.request.path, "id": "x"}["type"] == "/a"',
    '{datetime: context.request.path}.datetime == "/a"',
    '{".": context.request.path}["."] == "/a"',
    '{"has": context.request.path}["has"] == "/a"',
    '{Record: context.request.path}.Record == "/a"',
    '{Value: context.request.path}.Value == "/a"',
    '(if context.risk.level == 0 then context.request else context.request).path == "/a"',
    '[context.request.path].contains("/a")',
    'context["request"]["path"] == "/a"',
  ];
  for (const condition of hidden) {
    const { set, problems } = compilePolicies([{ id: 'a', text: when(condition) }], 1);
    t.ok(set, `${condition} ${problems[0]?.message ?? ''}`);
    const reads = [...(set?.policies[0]?.reads ?? [])];
    t.ok(
      reads.some((path) => path === '*' || path.startsWith('request')),
      condition,
    );
  }
  // Another policy of the app brings the request into the context, and this one is for this person alone.
  const desk = await PolicyDesk.open();
  await desk.db.insertInto('groups').values({ id: 'others', name: 'Others', created_at: 0 }).execute();
  await desk.publish(
    `permit(principal in Group::"staff", action, resource) when { {op: context.request.path}.op == "/a" };
    forbid(principal in Group::"others", action == Action::"request", resource) when { context.request.path == "/b" };`.replace(
      'action, resource) when',
      'action == Action::"request", resource) when',
    ),
  );
  const { claims } = await desk.grant({ request: get });
  const path = ['.', ['{}', 'op', ['c', 'request', 'path']], 'op'];
  t.strictSame(claims.rules.permits, [{ p: 0, if: ['==', path, '/a'] }], 'the grant is for that path alone');
  await desk.store.stop();
});
