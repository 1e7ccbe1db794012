/**
 * P7, P8: a fact that is removed, stale, unknown or of another type opens nothing: no forbid stops forbidding and no permit starts to
 * permit, where the controller decides and in what a grant leaves to the gateway. Over the sample policies, each fact of each, and
 * over made-up ones. And whatever the policy: judged in two parts it is what it is judged whole.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import type { HttpApp } from '#shared/contracts/app.ts';
import { type FactKey, factKeys } from '#shared/contracts/posture.ts';
import { operationOf } from '#shared/wire/operations.ts';
import type { Facts, PostureFact, Question } from '../../controller/policy/facts.ts';
import type { PolicySet } from '../../controller/policy/policy-set.ts';
import { ruleOn } from '../../controller/policy/what-rules.ts';
import { judgeInTwo, judgeWhole } from '../support/judged-twice.ts';
import { sshApp, wikiApp } from '../support/policy-desk.ts';
import { ask, compile, goodFact, goodFacts, tuesday } from '../support/policy-facts.ts';
import { root } from '../support/source-tree.ts';

const app: HttpApp = {
  ...(wikiApp as HttpApp),
  operations: { export: 'POST /reports/*/export', view: 'GET /reports/**' },
};
const requests = (
  [
    ['GET', '/'],
    ['GET', '/reports/7'],
    ['POST', '/reports/7/export'],
    ['PUT', '/admin/x'],
  ] as const
).map(([method, path]) => {
  const request = { method, host: 'wiki.test', path, query: '' };
  return { ...request, operation: operationOf(app, request) };
});
const addresses = ['10.1.2.3', '192.0.2.7', '2001:db8::1'];

/** What can happen to a fact. */
const spoilt: Record<string, (fact: PostureFact) => unknown> = {
  removed: () => undefined,
  stale: (fact) => ({ ...fact, goodUntil: tuesday }),
  'of the future': (fact) => ({ ...fact, measuredAt: tuesday + 1 }),
  failed: (fact) => ({ ...fact, status: 'fail', value: null }),
  unknown: (fact) => ({ ...fact, status: 'unknown', value: null }),
  'a text': (fact) => ({ ...fact, value: 'true' }),
  'a number': (fact) => ({ ...fact, value: 1.5 }),
  'a list': (fact) => ({ ...fact, value: [true] }),
  nothing: (fact) => ({ ...fact, value: null }),
};

function* worseFacts(facts: Facts): Generator<[fact: string, how: string, facts: Facts]> {
  const { device, session, person } = facts;
  for (const [how, spoil] of Object.entries(spoilt)) {
    for (const key of factKeys.filter((name): name is Exclude<FactKey, 'checks'> => name !== 'checks')) {
      const posture = { ...device.posture, [key]: spoil(device.posture[key] ?? goodFact(true)) } as never;
      yield [key, how, { ...facts, device: { ...device, posture } }];
    }
    // A check has a status and no value.
    if (how.startsWith('a ') || how === 'nothing') continue;
    const checks = (how === 'removed' ? {} : { agent: spoil(goodFact(true)) }) as never;
    yield ['check', how, { ...facts, device: { ...device, checks } }];
  }
  yield ['no second factor', '', { ...facts, session: { ...session!, secondFactorAt: null, methods: [] } }];
  yield ['a second factor of the future', '', { ...facts, session: { ...session!, secondFactorAt: tuesday + 1 } }];
  yield ['no groups', '', { ...facts, person: { ...person, groups: [] } }];
  yield ['groups that cannot be read', '', { ...facts, person: { ...person, groups: null } }];
  yield ['no session', '', { ...facts, session: null }];
  yield ['a risk of another type', '', { ...facts, person: { ...person, risk: 'low' as never } }];
}

function* questions(facts: Facts): Generator<Question> {
  for (const request of requests)
    for (const address of addresses) yield ask({ facts: { ...facts, network: { address } }, request });
}

/** Judged whole, and twice in two parts; throws when these differ. */
function judge(set: PolicySet, question: Question): boolean {
  const whole = judgeWhole(set, question);
  for (const scope of ['app', 'request'] as const) {
    const parts = judgeInTwo(set, question, app, scope);
    if (JSON.stringify(parts) !== JSON.stringify(whole))
      throw new Error(`${scope}: whole ${JSON.stringify(whole)}, in two ${JSON.stringify(parts)}`);
  }
  return whole.allowed;
}

/** How many allows there were; throws for one that a worse fact opened. */
function nothingOpens(set: PolicySet): number {
  const good = [...questions(goodFacts)].map((question) => judge(set, question));
  const worst = new Map<string, readonly boolean[]>();
  for (const [fact, how, facts] of worseFacts(goodFacts)) {
    const judged = [...questions(facts)].map((question) => judge(set, question));
    const opened = judged.findIndex((isAllowed, at) => isAllowed && !good[at]);
    if (opened >= 0) throw new Error(`${fact} ${how} opens question ${opened}`);
    // Whatever is the matter with it, it counts for as little as one that was never told.
    if (how === 'removed') worst.set(fact, judged);
    const other = judged.findIndex((isAllowed, at) => isAllowed !== (worst.get(fact) ?? judged)[at]);
    if (other >= 0) throw new Error(`${fact} ${how} counts for more than none in question ${other}`);
  }
  return good.filter(Boolean).length;
}

const base = 'permit(principal, action, resource);\n';

t.test('P7 P8 no sample policy is opened by a fact that is missing, stale, unknown or mistyped', async (t) => {
  const dir = join(root, 'deploy/quickstart/organisation/policies');
  for (const file of readdirSync(dir).filter((name) => name.endsWith('.cedar'))) {
    // Of the one app, the one group and the one action here, so that each policy is about what is asked.
    const text = readFileSync(join(dir, file), 'utf8')
      .replaceAll(/resource == App::"[a-z]+"/g, 'resource == App::"wiki"')
      .replaceAll(/AppGroup::"[a-z]+"/g, 'AppGroup::"internal"')
      .replaceAll(/in Group::"[a-z]+"/g, 'in Group::"staff"')
      .replaceAll('Action::"connect"', 'Action::"request"');
    t.ok(nothingOpens(compile(text)) > 0, `${file}: something is allowed to begin with`);
    for (const single of text.split(/\n\n(?=@id)/)) {
      const { policies } = compile(single);
      t.equal(policies.length, 1);
      nothingOpens(compile(policies[0]?.effect === 'permit' ? single : base + single));
    }
  }
});

/** Conditions that better facts make true: what policies should ask for. */
const asking: fc.Arbitrary<string> = fc.letrec<{ it: string; leaf: string }>((tie) => ({
  leaf: fc.oneof(
    fc
      .constantFrom('diskEncrypted', 'firewallOn', 'screenLock', 'secureBoot', 'osUpdated')
      .map((name) => `context.device.${name}`),
    fc.constantFrom('patchAgeDays', 'screenLockSeconds').map((name) => `context.device.${name} <= 400`),
    fc.constantFrom(
      'context.device.osMajor >= 12',
      'context.device.os == "linux"',
      'context.device.checks.contains("agent")',
    ),
    fc.constantFrom('context.session.secondFactor', 'context.session.secondFactorAge < 900', 'context.risk.level < 50'),
    fc.constantFrom('principal in Group::"staff"', 'context.session.methods.contains("totp")'),
    fc.constantFrom(
      'context.request.path like "/reports/*"',
      'context.request.operation == "export"',
      '!(context.request.method == "GET")',
      '["/", "/admin/x"].contains(context.request.path)',
      'context.network.address.isInRange(ip("10.0.0.0/8"))',
      '!context.network.address.isIpv6()',
    ),
  ),
  it: fc.oneof(
    { weight: 2, arbitrary: tie('leaf') },
    { weight: 1, arbitrary: fc.tuple(tie('it'), tie('it')).map(([a, b]) => `(${a} && ${b})`) },
    { weight: 1, arbitrary: fc.tuple(tie('it'), tie('it')).map(([a, b]) => `(${a} || ${b})`) },
  ),
})).it;

t.test('P7 P8 nor is any made-up one', async (t) => {
  let allowed = 0;
  fc.assert(
    fc.property(asking, fc.constantFrom('permit', 'unless', 'when'), (condition, kind) => {
      const policy =
        kind === 'permit'
          ? `permit(principal, action == Action::"request", resource) when { ${condition} };`
          : `${base}forbid(principal, action == Action::"request", resource) ${kind} { ${kind === 'when' ? `!(${condition})` : condition} };`;
      allowed += nothingOpens(compile(policy));
    }),
    { numRuns: 40 },
  );
  t.ok(allowed > 40, `${allowed} allowed with good facts`);
});

/** Whatever can be written, with what errs: sums beyond 64 bits. */
const anything: fc.Arbitrary<string> = fc.letrec<{ it: string; leaf: string; number: string }>((tie) => ({
  number: fc.oneof(
    fc.constantFrom(
      'context.session.signInAge',
      'context.device.patchAgeDays',
      'context.risk.level',
      '7',
      '9007199254740991',
    ),
    fc.tuple(tie('number'), fc.constantFrom('+', '-', '*'), tie('number')).map((parts) => `(${parts.join(' ')})`),
    fc.tuple(tie('leaf'), tie('number'), tie('number')).map(([test, a, b]) => `(if ${test} then ${a} else ${b})`),
  ),
  leaf: fc.oneof(
    fc.constantFrom('true', 'false', 'context.device.firewallOn', '!context.session.secondFactor'),
    fc.constantFrom(
      'context.request.path like "/reports/*"',
      'context.request.operation == "export"',
      'context.request.method != context.request.path',
      'context.request == {method: "GET", host: "wiki.test", path: "/", query: "", operation: ""}',
      '[context.request.path, "/"].containsAll(["/", context.request.path])',
      'context.network.address.isInRange(ip("10.0.0.0/8"))',
      'context.network.address == ip("2001:db8::1")',
      'context.request has path',
      'context.session.methods.contains(context.request.method)',
    ),
    // In error for some requests.
    fc
      .constantFrom('GET', 'POST')
      .map(
        (method) => `(if context.request.method == "${method}" then 9007199254740991 else 0) * 9007199254740991 > 0`,
      ),
  ),
  it: fc.oneof(
    { weight: 2, arbitrary: tie('leaf') },
    {
      weight: 2,
      arbitrary: fc
        .tuple(tie('number'), fc.constantFrom('<', '>=', '=='), tie('number'))
        .map((parts) => `${parts.join(' ')}`),
    },
    { weight: 1, arbitrary: tie('it').map((inner) => `!(${inner})`) },
    { weight: 1, arbitrary: fc.tuple(tie('it'), tie('it')).map(([a, b]) => `((${a}) && (${b}))`) },
    { weight: 1, arbitrary: fc.tuple(tie('it'), tie('it')).map(([a, b]) => `((${a}) || (${b}))`) },
    {
      weight: 1,
      arbitrary: fc.tuple(tie('it'), tie('it'), tie('it')).map(([a, b, c]) => `(if ${a} then ${b} else ${c})`),
    },
  ),
})).it;

t.test('P7 P10 in two parts, through the JSON of a grant, is judged what is judged whole', async (t) => {
  const kinds = fc.constantFrom('permit', 'forbid');
  const sets = fc.array(fc.tuple(kinds, fc.constantFrom('when', 'unless'), anything), { minLength: 1, maxLength: 4 });
  let [allowed, denied, erred, left] = [0, 0, 0, 0];
  fc.assert(
    fc.property(sets, (policies) => {
      const text = policies.map(
        ([effect, word, condition]) =>
          `${effect}(principal, action == Action::"request", resource) ${word} { ${condition} };`,
      );
      let set: PolicySet;
      try {
        set = compile(base.repeat(policies.every(([effect]) => effect === 'forbid') ? 1 : 0) + text.join('\n'));
      } catch {
        // Not of the schema's types, or more than it is worth.
        return;
      }
      for (const question of questions(goodFacts)) {
        if (judge(set, question)) allowed += 1;
        else denied += 1;
        const { rules, verdict } = ruleOn(set, { ...question, request: undefined, networkUnknown: true });
        erred += verdict.errors.length;
        left += [...(rules?.permits ?? []), ...(rules?.forbids ?? [])].filter((term) => term.if !== undefined).length;
      }
    }),
    { numRuns: Number(process.env['POSTERN_CEDAR_RUNS'] ?? 250) },
  );
  t.ok(
    allowed > 200 && denied > 200 && erred > 20 && left > 200,
    `${allowed} allowed, ${denied} denied, ${erred} errors, ${left} left`,
  );
});

t.test('P10 a tunnel has a network and no request', async (t) => {
  const set = compile(`@id("near") permit(principal, action == Action::"connect", resource)
    when { context.network.address.isInRange(ip("10.0.0.0/8")) && context.device.firewallOn };`);
  const ssh = { id: 'ssh', kind: 'tcp', site: 'main', groups: [] };
  for (const address of addresses) {
    const question = ask({ facts: { ...goodFacts, network: { address } }, act: 'connect', app: ssh });
    const whole = judgeWhole(set, question);
    t.equal(whole.allowed, address === '10.1.2.3');
    t.same(judgeInTwo(set, question, sshApp, 'app'), whole);
  }
});
