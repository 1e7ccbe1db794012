/** Policies and values that are made to cost: each is answered in bounded time and memory, or refused. */
import t from 'tap';
import { authorize } from '#shared/cedar/authorize.ts';
import { compilePolicy } from '#shared/cedar/compile-policy.ts';
import { entitiesFromJson } from '#shared/cedar/entities.ts';
import type { Expr, PatternPart, PolicyJson } from '#shared/cedar/policy-json.ts';
import { cedarLimits } from '#shared/cedar/refuse.ts';
import { ScopeIndex } from '#shared/cedar/scope-index.ts';
import { type recordFromJson, valueFromJson } from '#shared/cedar/values-from-json.ts';
import { readAsk } from './support/both-engines.ts';

const uid = (type: string, id: string) => ({ type, id });
const askWith = (
  context: Parameters<typeof recordFromJson>[0],
  entities: Parameters<typeof entitiesFromJson>[0] = [],
) => readAsk({ principal: uid('U', 'a'), action: uid('Action', 'r'), resource: uid('R', 'x'), context, entities });

const when = (body: Expr): PolicyJson => ({
  effect: 'permit',
  principal: { op: 'All' },
  action: { op: 'All' },
  resource: { op: 'All' },
  conditions: [{ kind: 'when', body }],
});
const answer = (body: Expr, context = {}) =>
  authorize(new ScopeIndex([compilePolicy('p', when(body))]), askWith(context)).decision;

const yes: Expr = { Value: true };
const fold = (operator: string, count: number, term: Expr, fromLeft: boolean): Expr =>
  Array.from({ length: count - 1 }).reduce<Expr>(
    (all) => ({ [operator]: fromLeft ? { left: all, right: term } : { left: term, right: all } }),
    term,
  );

t.test('10,000 terms, from either side, are evaluated without a stack of their height', async (t) => {
  for (const fromLeft of [true, false]) {
    t.equal(answer(fold('&&', 10_000, yes, fromLeft)), 'allow');
    t.equal(answer(fold('||', 10_000, { Value: false }, fromLeft)), 'deny');
  }
  const refused = { code: 'policy-invalid', message: /deeper than 250/ };
  t.throws(() => answer({ '==': { left: fold('+', 10_000, { Value: 1 }, true), right: { Value: 1 } } }), refused);
});

t.test('nesting of 100 is evaluated, and what is too deep or too large is refused', async (t) => {
  const nots = (count: number) => Array.from({ length: count }).reduce<Expr>((all) => ({ '!': { arg: all } }), yes);
  t.equal(answer(nots(100)), 'allow');
  t.equal(answer(nots(cedarLimits.depth)), 'allow');
  for (const count of [cedarLimits.depth + 1, 100_000])
    t.throws(() => answer(nots(count)), { code: 'policy-invalid', message: /deeper/ });
  t.throws(() => answer(fold('&&', cedarLimits.nodes + 1, yes, true)), {
    code: 'policy-invalid',
    message: /more than/,
  });
  const deep = (count: number) => JSON.parse('['.repeat(count) + ']'.repeat(count));
  t.equal(answer({ '==': { left: { Value: deep(100) }, right: { Value: deep(100) } } }), 'allow');
  t.throws(() => valueFromJson(deep(1000)), { code: 'policy-invalid', message: /deeper/ });
});

t.test('5,000 characters of pattern with many stars', async (t) => {
  const stars = (text: string): PatternPart[] =>
    Array.from(text, (char) => (char === '*' ? 'Wildcard' : { Literal: char }));
  const like = (text: string, pattern: string) =>
    answer({ like: { left: { Var: 'context' }, pattern: stars(pattern) } }) &&
    answer({ like: { left: { '.': { left: { Var: 'context' }, attr: 'text' } }, pattern: stars(pattern) } }, { text });
  t.equal(like('a'.repeat(100_000), `${'a*'.repeat(2500)}b`), 'deny');
  t.equal(like(`${'a'.repeat(100_000)}b`, `${'a*'.repeat(2500)}b`), 'allow');
  t.equal(like('ab'.repeat(50_000), `*${'ba*'.repeat(1600)}c*`), 'deny');
  t.equal(like('a'.repeat(100_000), `*${'a'.repeat(4000)}b*`), 'deny');
});

t.test('huge sets are compared by keys, not item by item', async (t) => {
  const numbers = Array.from({ length: 20_000 }, (_, at) => at);
  const sets = numbers.map((at) => [at, `${at}`]);
  for (const operator of ['containsAll', 'containsAny', '=='])
    for (const set of [numbers, sets])
      t.equal(answer({ [operator]: { left: { Value: set }, right: { Value: set.toReversed() } } }), 'allow', operator);
});

t.test(
  'a hierarchy of many generations is not walked on the stack; too large a one and a ring are refused',
  async (t) => {
    const chain = (count: number, ring: boolean) =>
      Array.from({ length: count }, (_, at) => ({
        uid: uid('G', `${at}`),
        attrs: {},
        parents: at + 1 < count ? [uid('G', `${at + 1}`)] : ring ? [uid('G', '0')] : [],
      }));
    t.ok(entitiesFromJson(chain(2000, false)));
    t.throws(() => entitiesFromJson(chain(20_000, false)), { code: 'policy-invalid', message: /too large/ });
    t.throws(() => entitiesFromJson(chain(20_000, true)), { code: 'policy-invalid', message: /its own ancestor/ });
  },
);

t.test('what is not known or not whole is refused, never guessed', async (t) => {
  for (const body of [
    { sometimes: { left: yes, right: yes } },
    { Var: 'subject' },
    { Slot: '?principal' },
    { '&&': { left: yes, right: yes }, '||': { left: yes, right: yes } },
    { '&&': { left: yes } },
    { '==': { left: yes, right: yes, more: yes } },
    { constructor: [yes] },
    { __proto__: [yes] },
    { frobnicate: [yes] },
    { has: { left: { Var: 'context' }, attr: [] } },
    { like: { left: { Value: '' }, pattern: ['Wildcart'] } },
    { Value: null },
    { Value: 1.5 },
    { Value: 2 ** 53 },
    { Value: 2n ** 63n },
    { Value: '\ud800' },
    { Value: { __entity: { type: 'a b', id: 'x' } } },
    { Value: { __extn: { fn: 'ip', arg: 'x' } } },
    { Value: { __expr: '1' } },
    [yes],
    'true',
    {},
    null,
  ])
    t.throws(
      () => compilePolicy('p', when(body as Expr)),
      { code: 'policy-invalid' },
      JSON.stringify(body, (_, v) => (typeof v === 'bigint' ? `${v}n` : v)),
    );
  const { conditions, ...scope } = when(yes);
  t.throws(() => compilePolicy('p', { ...scope, conditions, effect: 'allow' as 'permit' }), { code: 'policy-invalid' });
  t.throws(() => compilePolicy('p', { ...scope, conditions, principal: { op: 'in', slot: '?principal' } }), {
    code: 'policy-invalid',
  });
  t.throws(() => compilePolicy('p', { ...scope, conditions, action: { op: '>=' as 'in', entity: uid('A', 'b') } }), {
    code: 'policy-invalid',
  });
  t.throws(() => compilePolicy('p', { ...scope, conditions: [{ kind: 'if' as 'when', body: yes }] }), {
    code: 'policy-invalid',
  });
});
