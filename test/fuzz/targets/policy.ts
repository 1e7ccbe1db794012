/** Policy texts into the compiler and the engine: whatever is written, the engine answers and goes on answering. */
import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { compilePolicies } from '../../../controller/policy/compile-policies.ts';
import { decide } from '../../../controller/policy/decide.ts';
import { findLapse } from '../../../controller/policy/lapse.ts';
import { ask, compile, get, someNames } from '../../support/policy-facts.ts';
import { mutated } from '../mutate.ts';
import { type FuzzTarget, must, type OpenTarget } from '../target.ts';

const directory = new URL('../../../deploy/quickstart/organisation/policies/', import.meta.url);
const seeds = readdirSync(directory).map((name) => readFileSync(new URL(name, directory)));

/** Expressions of some depth over our schema, well typed now and then. */
const { expression } = fc.letrec<{ expression: string; leaf: string }>((tie) => ({
  leaf: fc.constantFrom(
    'context.device.diskEncrypted',
    'context.device.patchAgeDays',
    'context.session.secondFactorAge',
    'context.time.minuteOfDay',
    'context.time.now',
    'context.network.address',
    'context.request.path',
    'context.request',
    'context.device.checks',
    'context',
    'principal.role',
    'resource.site',
    'principal',
    '"a"',
    '"\\u{1F600}"',
    '-1',
    '9223372036854775807',
    '9007199254740993',
    'true',
    '[]',
    '{}',
    'Group::"staff"',
    'ip("10.0.0.0/8")',
    'decimal("1.0")',
    'datetime("2026-01-01")',
    'duration("1d")',
    'ip("x")',
  ),
  expression: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    tie('leaf'),
    fc
      .tuple(
        tie('expression'),
        fc.constantFrom('==', '<', '<=', '+', '-', '*', '&&', '||', 'in', '!=', 'has', 'like'),
        tie('expression'),
      )
      .map(([left, operator, right]) => `(${left} ${operator} ${right})`),
    fc
      .tuple(
        tie('expression'),
        fc.constantFrom('.contains', '.isInRange', '.toDate', '.offset', '.isEmpty', '.x'),
        tie('expression'),
      )
      .map(([left, call, right]) => `${left}${call}(${right})`),
    tie('expression').map((inner) => `!${inner}`),
    fc
      .tuple(tie('expression'), tie('expression'), tie('expression'))
      .map(([a, b, c]) => `(if ${a} then ${b} else ${c})`),
  ),
}));
const written = fc
  .record({
    effect: fc.constantFrom('permit', 'forbid'),
    principal: fc.constantFrom(
      'principal',
      'principal == Person::"alice"',
      'principal in Group::"staff"',
      'principal is Person',
    ),
    resource: fc.constantFrom(
      'resource',
      'resource == App::"wiki"',
      'resource is App in AppGroup::"internal"',
      'resource in ?resource',
    ),
    action: fc.constantFrom(
      'action',
      'action == Action::"request"',
      'action in [Action::"request", Action::"connect"]',
    ),
    kind: fc.constantFrom('when', 'unless'),
    expression,
  })
  .map(({ effect, principal, action, resource, kind, expression }) =>
    Buffer.from(`${effect}(${principal}, ${action}, ${resource}) ${kind} { ${expression} };`),
  );
const tokens = [
  '(',
  ')',
  '[',
  '{',
  '}',
  '!',
  '-',
  ';',
  '&&',
  '||',
  '//',
  '@id("a")',
  'if ',
  '::',
  'context.',
  '\\u{0}',
];
const cases = mutated(fc.oneof(fc.constantFrom(...seeds), written, written), { tokens }).map((bytes) =>
  bytes.toString(),
);

const usual = 'permit(principal in Group::"staff", action, resource) when { context.device.diskEncrypted };';

export const policy: FuzzTarget = {
  name: 'policy',
  about: 'policy texts into the compiler and the engine',
  block: 200,
  // The engine is one for the process: what breaks it breaks every case after it.
  shrinks: false,
  async open() {
    const isAlive = () => decide(compile(usual), ask()).verdict === 'allow';
    must(isAlive(), 'the engine does not work at all');
    return {
      cases: cases as fc.Arbitrary<never>,
      judge(text: string) {
        const { set, problems } = compilePolicies([{ id: 'f', text }], 1, someNames);
        must(set !== undefined || problems.some(({ severity }) => severity === 'error'), 'refused without a word');
        if (set === undefined) return;
        for (const question of [ask(), ask({ request: get('/a') }), ask({ act: 'connect' })]) {
          const { verdict, reasons, errors } = decide(set, question);
          must(!errors.some((error) => /RuntimeError|unreachable/.test(error)), `the engine broke: ${errors}`);
          must(reasons.length > 0, `${verdict} without a reason`);
          if (verdict === 'allow')
            must(findLapse(set, question, question.at + 60_000).at > question.at, 'allowed until before now');
        }
      },
      settle: () => must(isAlive(), 'the engine no longer decides as it did'),
    } as OpenTarget<never>;
  },
};
