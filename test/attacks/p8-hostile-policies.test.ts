/**
 * Policies and tests as weapons against whoever reads them: each is refused in plain words or read in bounded time, in a worker, while
 * the controller answers others. The engine's stack has a test of its own (p7-p10-policy-text).
 */
import t from 'tap';
import { compilePolicies } from '../../controller/policy/compile-policies.ts';
import { decide } from '../../controller/policy/decide.ts';
import { judgeDraft } from '../../controller/policy/judge-draft.ts';
import { PolicyJudge } from '../../controller/publishing/policy-judge.ts';
import { runController } from '../controller/support/run-controller.ts';
import { ask, compile, get, someNames } from '../support/policy-facts.ts';

const when = (condition: string) =>
  `@id("h") permit(principal in Group::"staff", action == Action::"request", resource == App::"wiki") when { ${condition} };`;
const repeat = <T>(n: number, make: (i: number) => T): T[] => Array.from({ length: n }, (_, i) => make(i));
const path = 'context.request.path';

const refused: Readonly<Record<string, readonly [text: string, why: RegExp]>> = {
  '10,000 terms': [when(repeat(10_000, () => 'principal.role != "x"').join(' && ')), /deeper than 100/],
  '10,000 alternatives': [when(repeat(10_000, () => 'principal.role == "x"').join(' || ')), /deeper than 100/],
  '101 brackets': [when(`${'('.repeat(101)}true${')'.repeat(101)}`), /deeper than 100/],
  '5,000 ifs': [when(`${'if true then false else '.repeat(5000)}true`), /deeper than 100/],
  'escaped quotes that never end': [when(`"${'\\"'.repeat(100_000)}`), /never closed/],
  'quotes that open nothing': [when('"\\\n'.repeat(60_000)), /never closed/],
  'a file of brackets': ['['.repeat(262_144), /deeper than 100/],
  'a file of small tokens': ['a '.repeat(131_000), /unexpected token|invalid/],
  'a file of semicolons': [';'.repeat(262_144), /unexpected token|invalid/],
  'a file too large': [' '.repeat(262_145), /larger than 262144 bytes/],
  'annotations without end': [
    `${repeat(9000, (i) => `@a${i}("x")`).join(' ')} permit(principal, action, resource)`,
    /unexpected end/,
  ],
};

t.test('P8 hostile texts are refused in plain words', async (t) => {
  for (const [name, [text, why]] of Object.entries(refused)) {
    const { set, problems } = compilePolicies([{ id: 'h', text }], 1, someNames);
    t.equal(set, undefined, name);
    t.match(problems[0], { severity: 'error', file: 'h', message: why }, name);
    t.ok(JSON.stringify(problems).length < 2_000_000, `${name}: the complaints are bounded`);
  }
});

t.test('P8 the same id many times, many files, many policies: a bounded list of complaints', async (t) => {
  const same = repeat(2000, () => '@id("x") permit(principal in Group::"staff", action, resource);').join('\n');
  const doubled = compilePolicies([{ id: 'h', text: same }], 1);
  t.equal(doubled.set, undefined);
  t.equal(doubled.problems.length, 1000);
  t.match(doubled.problems[0], { message: /has this name too/ });
  const files = repeat(1001, (i) => ({ id: `f${i}`, text: '' }));
  t.match(compilePolicies(files, 1).problems, [{ message: /More than 1000 files/ }]);
  const large = repeat(17, (i) => ({ id: `f${i}`, text: ' '.repeat(262_000) }));
  t.match(compilePolicies(large, 1).problems, [{ message: /More than 4194304 bytes/ }]);
});

t.test('P8 what is wide and not deep is taken, and decided', async (t) => {
  const stars = `/${'*a'.repeat(2499)}*`;
  const set = compile(`${when(`${path} like "${stars}"`)}
    forbid(principal, action == Action::"request", resource) when { [${repeat(8000, (i) => `"/${i}"`).join(',')}].contains(${path}) };`);
  // Every star tried at every place would be a number of steps with thousands of digits: this ends, or the test does not.
  t.equal(decide(set, ask({ request: get(`/${'a'.repeat(5000)}`) })).verdict, 'allow');
  t.equal(decide(set, ask({ request: get(`/${'ab'.repeat(2000)}b`) })).verdict, 'deny');
  t.equal(decide(set, ask({ request: get('/7999') })).verdict, 'deny');
});

const tests = {
  'an alias bomb': [`a: &a [x]\nb: &b [*a, *a]\ntests: [*b, *b]\n`, /not (known|taken)/],
  'brackets without end': ['['.repeat(200_000), /deeper than/],
  'sequences in sequences': [`tests:\n  ${'- '.repeat(50_000)}x\n`, /deeper than/],
  'indentation without end': [repeat(300, (i) => `${' '.repeat(i)}a:`).join('\n'), /deeper than/],
  'a tag that makes things': ['tests: !!js/function "x"\n', /tag|not taken/i],
  'two members of one name': ['tests: []\ntests: []\n', /unique/i],
  'a merge': ['defaults: &d { app: wiki }\ntests:\n  - <<: *d\n    name: x\n    expect: allow\n', /not taken/],
  'more cases than are taken': [
    `tests:\n${repeat(2001, (i) => `  - { name: n${i}, app: wiki, expect: deny }`).join('\n')}\n`,
    /More than 2000|tests/,
  ],
  'a number as a name': ['tests:\n  - { name: 1, app: wiki, expect: deny }\n', /name/],
  'no YAML at all': ['\u0000\u0001', /./],
} as const;

t.test('P8 hostile files of tests are refused with their place', async (t) => {
  const files = [{ id: 'h', text: when('context.device.diskEncrypted') }];
  for (const [name, [text, why]] of Object.entries(tests)) {
    const { problems, tests: run } = judgeDraft({ files, tests: [{ id: 'h', text }] }, someNames);
    t.match(problems[0], { severity: 'error', message: why }, name);
    t.same(run, [], `${name}: nothing is run`);
  }
});

t.test('P8 a draft that takes too long is given up, and the next one is judged', async (t) => {
  const judge = new PolicyJudge({ mostMs: 1 });
  t.teardown(() => judge.stop());
  const files = repeat(300, (i) => ({ id: `f${i}`, text: when(`${path} == "/${i}"`).replace('"h"', `"h${i}"`) }));
  await t.rejects(judge.judge({ files, tests: [] }, someNames), { code: 'policy-too-slow' });
  const patient = new PolicyJudge();
  t.teardown(() => patient.stop());
  const [broken, whole] = await Promise.all([
    patient.judge({ files: [{ id: 'a', text: 'permit(' }], tests: [] }, someNames),
    patient.judge({ files: files.slice(0, 2), tests: [] }, someNames),
  ]);
  t.match(broken.problems, [{ severity: 'error' }]);
  t.equal(whole.policies.length, 2, 'one after the other, each its own answer');
});

t.test('P8 the controller answers others while it reads the largest set', async (t) => {
  const controller = await runController(t);
  const admin = controller.as({ reason: 'test' });
  await admin.putGroup({ params: { id: 'staff' }, body: {} });
  const files = repeat(20, (file) => ({
    id: `f${file}`,
    text: repeat(
      100,
      (i) =>
        `@id("p${file}-${i}") permit(principal in Group::"staff", action, resource) when { context.risk.level < ${i + 1} };`,
    ).join('\n'),
  }));
  let isDone = false;
  const judged = admin.validatePolicy({ body: { files } }).finally(() => {
    isDone = true;
  });
  let answered = 0;
  while (!isDone) {
    await admin.policyHistory();
    if (!isDone) answered += 1;
  }
  t.match(await judged, { valid: true });
  t.ok(answered > 20, `${answered} answers meanwhile`);
});
