import t from 'tap';
import { compilePolicies } from '../../../controller/policy/compile-policies.ts';
import { lints } from '../../../controller/policy/lints/index.ts';
import { someNames } from '../../support/policy-facts.ts';

const staff = 'principal in Group::"staff", action == Action::"request", resource == App::"wiki"';
const permit = (condition: string) => `@id("p") permit(${staff}) when { ${condition} };`;
const forbid = (condition: string) => `@id("p") forbid(${staff}) when { ${condition} };`;
const problemsOf = (text: string) => compilePolicies([{ id: 'a', text }], 1, someNames).problems;

/** Each with a text that it finds, where, and one that it leaves in peace. */
const rows: Readonly<Record<string, readonly [found: string, at: string, left: string]>> = {
  'permit-needs-bad-fact': [
    permit('!context.device.firewallOn'),
    'device.firewallOn',
    permit('context.device.firewallOn'),
  ],
  'forbid-needs-good-fact': [
    forbid('context.device.firewallOn'),
    'device.firewallOn',
    forbid('!context.device.firewallOn'),
  ],
  'permit-for-everyone': [
    '@id("p") permit(principal, action, resource);',
    'principal',
    '@id("p") permit(principal, action, resource) when { principal.role == "owner" };',
  ],
  'forbids-everything': [
    '@id("p") forbid(principal, action, resource);',
    '@id("p") forbid',
    '@id("p") forbid(principal, action == Action::"connect", resource);',
  ],
  'shadowed-permit': [
    `@id("p") permit(${staff});\n@id("f") forbid(principal, action, resource == App::"wiki");`,
    '@id("p") permit',
    `@id("p") permit(${staff});\n@id("f") forbid(principal, action, resource == App::"ssh");`,
  ],
  'duplicate-policy': [
    `@id("p") permit(${staff});\n@id("q") permit(${staff});`,
    '@id("q") permit',
    `@id("p") permit(${staff});\n@id("q") forbid(${staff});`,
  ],
  'constant-condition': [permit('1 == 2'), 'when', permit('context.risk.level == 2')],
  'never-holds': [permit('resource in Group::"staff"'), '@id("p")', permit('principal in Group::"finance"')],
  'out-of-range': [
    permit('context.time.weekday == 0'),
    'context.time.weekday == 0',
    permit('context.time.weekday == 7'),
  ],
  'unknown-value': [permit('context.device.os == "mac"'), '"mac"', permit('context.device.os == "macos"')],
  'unknown-operation': [
    permit('context.request.operation == "exprt"'),
    '"exprt"',
    permit('context.request.operation == "export"'),
  ],
  'star-without-like': [permit('context.request.path == "/a/*"'), '"/a/*"', permit('context.request.path like "/a/*"')],
  'confusing-text': [permit('principal.name == "l\u0456nux"'), '"l\u0456nux"', permit('principal.name == "linux"')],
  'reads-query': [permit('context.request.query == "a"'), 'request.query', permit('context.request.path == "/a"')],
  'private-address': [
    permit('context.network.address.isInRange(ip("10.0.0.0/8"))'),
    'isInRange',
    permit('context.network.address.isInRange(ip("198.51.100.0/24"))'),
  ],
  'computes-time': [
    permit('context.session.signInAge + 1 < 900'),
    '@id("p")',
    permit('context.session.signInAge < 900'),
  ],
  'no-id': [`permit(${staff});`, 'permit(', `@id("p") permit(${staff});`],
  'unknown-annotation': [`@id("p") @reson("x") permit(${staff});`, '@reson', `@id("p") @reason("x") permit(${staff});`],
  'annotation-value': [
    `@id("p") @authorization("always") permit(${staff});`,
    '@authorization',
    `@id("p") @authorization("once") permit(${staff});`,
  ],
  'unknown-allow': [
    `@id("p") @allow("no-such") permit(${staff});`,
    '@allow',
    `@id("p") @allow("no-id") permit(${staff});`,
  ],
};

t.test('P8 each lint finds its fault, at its place, and leaves the like in peace', async (t) => {
  t.same(Object.keys(rows).sort(), lints.map(({ id }) => id).sort(), 'each has a row');
  for (const { id, severity } of lints) {
    const [found, at, left] = rows[id]!;
    const told = problemsOf(found).find(({ lint }) => lint === id);
    t.match(told, { severity }, `${id} in ${found}`);
    const { source = '', sourceColumn = 0, length = 0 } = told ?? {};
    const pointed = [...source].slice(sourceColumn - 1, sourceColumn - 1 + length).join('');
    t.ok(pointed.startsWith(at), `${id} points at ${pointed}, not ${at}`);
    t.notOk(
      problemsOf(left).some(({ lint }) => lint === id),
      `${id} not in ${left}`,
    );
  }
});

t.test('@allow silences warnings for its policy, and no error', async (t) => {
  for (const { id, severity } of lints) {
    if (id === 'unknown-allow') continue;
    const found = rows[id]![0].replaceAll(/(permit|forbid)\(/g, `@allow("${id}, reads-query") $1(`);
    t.equal(
      problemsOf(found).some(({ lint }) => lint === id),
      severity === 'error',
      id,
    );
  }
});

t.test('names and suggestions', async (t) => {
  const message = (text: string) => problemsOf(text)[0]?.message;
  t.equal(message(permit('principal in Group::"finanse"')), 'There is no group "finanse". Did you mean "finance"?');
  t.match(message(permit('context.request.operation == "exprt"')), /Did you mean "export"\?/);
  t.match(message(permit('context.device.foo == "x"')), /^attribute `device\.foo` in context not found$/);
  t.match(
    message('@id("p") permit(principal, action, resource) when { context.request.method == "GET" };'),
    /name the action/,
  );
  t.match(
    message(permit('context.device.checks.contains("agnt")')),
    /There is no check "agnt"\. Did you mean "agent"\?/,
  );
});
