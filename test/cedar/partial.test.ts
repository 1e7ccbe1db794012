/** Partial evaluation, then the rest, is full evaluation: decision, determining policies and erring policies. */
import fc from 'fast-check';
import t from 'tap';
import { PosternError } from '#shared/base/errors.ts';
import type { Ask } from '#shared/cedar/ask.ts';
import { authorize } from '#shared/cedar/authorize.ts';
import { compilePolicy } from '#shared/cedar/compile-policy.ts';
import { IpAddr } from '#shared/cedar/ext-ipaddr.ts';
import { linkTemplate } from '#shared/cedar/link-template.ts';
import type { Shape } from '#shared/cedar/never-errs.ts';
import { type PartialAnswer, PartialPolicies } from '#shared/cedar/partial-authorize.ts';
import type { Expr, PolicyJson } from '#shared/cedar/policy-json.ts';
import { decodeResidual, encodeResidual } from '#shared/cedar/residual-form.ts';
import { ScopeIndex } from '#shared/cedar/scope-index.ts';
import { CedarRecord, type Value } from '#shared/cedar/values.ts';
import { readAsk, tell } from './support/both-engines.ts';
import { arbitraryChoices, type Choices } from './support/choices.ts';
import { complete, contextOf } from './support/complete-partial.ts';
import { type AskJson, type Case, generateCase } from './support/generate-case.ts';
import { printPolicy } from './support/print-policy.ts';

const runs = Number(process.env['POSTERN_CEDAR_RUNS'] ?? 1500);

t.test('partial evaluation and its residuals say what full evaluation says, whatever is unknown', async (t) => {
  const seed = Date.now() % 0x7fffffff;
  const seen: Record<string, number> = {};
  const count = (kind: string) => {
    seen[kind] = (seen[kind] ?? 0) + 1;
  };
  const property = fc.property(arbitraryChoices(), (choices) => comparePartial(choices, count));
  const result = fc.check(property, { numRuns: runs, seed });
  t.notOk(result.failed, `seed ${seed} ${result.failed ? String(result.errorInstance) : ''}`);
  t.comment(`seed ${seed}: ${JSON.stringify(seen)}`);
  for (const kind of [
    'allow',
    'deny',
    'residual',
    'a residual held',
    'a residual did not hold',
    'a residual erred',
    'sent',
  ])
    t.ok((seen[kind] ?? 0) > 0, `the cases reach: ${kind}`);
});

function comparePartial(choices: Choices, count: (kind: string) => void): void {
  const one = generateCase(choices);
  const policies = allPolicies(one);
  const index = new ScopeIndex(Object.entries(policies).map(([id, json]) => compilePolicy(id, json)));
  for (const json of one.asks) {
    const ask = tryRead(json);
    if (ask === undefined) continue;
    const names = [...ask.context.members.keys()];
    const unknown = new Set(names.filter(() => choices.below(3) !== 2));
    const known = new Map(
      names.filter((name) => !unknown.has(name)).map((name) => [name, ask.context.members.get(name)!]),
    );
    const partial = new PartialPolicies(index, ({ id }) => policies[id]!, {
      names: unknown,
      shape: shapeOf(unknown, ask),
    }).authorize({
      ...ask,
      context: new CedarRecord(known),
    });
    const later = { ...ask, context: contextOf(unknown, ask.context) };
    const full = authorize(index, ask);
    const completed = complete(partial, later);
    const sent = complete(throughText(partial, count), later);
    if (
      JSON.stringify(tell(full)) !== JSON.stringify(tell(completed)) ||
      JSON.stringify(tell(full)) !== JSON.stringify(tell(sent))
    )
      throw new Error(
        `${describe(policies, json, unknown, partial)}\nfull      ${JSON.stringify(tell(full))}\ncompleted ${JSON.stringify(tell(completed))}\nsent      ${JSON.stringify(tell(sent))}`,
      );
    if (partial.decision !== 'residual' && partial.decision !== full.decision)
      throw new Error(`${describe(policies, json, unknown, partial)}\nwas certain, but it is ${full.decision}`);
    count(partial.decision);
    for (const { policy } of partial.residuals) {
      const holds = full.determining.some(({ id }) => id === policy.id);
      const erred = full.errors.some(({ policy: { id } }) => id === policy.id);
      count(erred ? 'a residual erred' : holds ? 'a residual held' : 'a residual did not hold');
    }
  }
}

/** What is promised of the unknown: the type of some of its texts and addresses. */
function shapeOf(unknown: ReadonlySet<string>, { context }: Ask): Shape {
  const shape = new Map<string, 'string' | 'ipaddr'>();
  const add = (path: string, value: Value | undefined) => {
    if (typeof value === 'string') shape.set(path, 'string');
    if (value instanceof IpAddr) shape.set(path, 'ipaddr');
    if (value instanceof CedarRecord)
      for (const name of value.members.keys()) add(`${path}.${name}`, value.members.get(name));
  };
  for (const name of unknown) add(name, context.members.get(name));
  return shape;
}

function allPolicies({ policies, links }: Case): Record<string, PolicyJson> {
  const linked = Object.entries(links).map(
    ([id, { template, values }]) => [id, linkTemplate(template, values)] as const,
  );
  return { ...policies, ...Object.fromEntries(linked) };
}

/** Each residual as it comes out of its text, if it may be sent: one that looks an entity up may not. */
function throughText(partial: PartialAnswer, count: (kind: string) => void): PartialAnswer {
  const send = (expr: Expr): Expr => {
    try {
      const back = decodeResidual(JSON.parse(JSON.stringify(encodeResidual(expr))));
      count('sent');
      return back;
    } catch (error) {
      if (error instanceof PosternError && /looks an entity up/.test(error.message)) return expr;
      throw error;
    }
  };
  return { ...partial, residuals: partial.residuals.map(({ policy, expr }) => ({ policy, expr: send(expr) })) };
}

function tryRead(json: AskJson) {
  try {
    return readAsk(json);
  } catch (error) {
    if (error instanceof PosternError) return undefined;
    throw error;
  }
}

function describe(
  policies: Record<string, PolicyJson>,
  ask: AskJson,
  unknown: ReadonlySet<string>,
  partial: PartialAnswer,
) {
  const texts = Object.entries(policies).map(([id, policy]) => `${id}: ${printPolicy(policy)}`);
  const left = partial.residuals.map(
    ({ policy, expr }) =>
      `left of ${policy.id}: ${JSON.stringify(expr, (_, it) => (typeof it === 'bigint' ? `${it}n` : it))}`,
  );
  return [...texts, JSON.stringify(ask), `unknown: ${[...unknown]}`, ...left].join('\n');
}
