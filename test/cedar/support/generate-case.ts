/** What both engines are asked: policies, templates with links, and several asks with entities and context of their own. */
import type { EntityJson } from '#shared/cedar/entities.ts';
import type {
  ConditionJson,
  EntityJsonUid,
  Expr,
  PolicyJson,
  ScopeJson,
  UidJson,
  ValueJson,
} from '#shared/cedar/policy-json.ts';
import type { Choices } from './choices.ts';
import { generateExpression, type Type, types } from './generate-expression.ts';
import {
  generateAction,
  generateDatetime,
  generateDecimal,
  generateDuration,
  generateIp,
  generateText,
  generateType,
  generateUid,
  ids,
  names,
} from './generate-literals.ts';

export interface Link {
  readonly template: PolicyJson;
  readonly values: Readonly<Record<string, UidJson>>;
}

export interface AskJson {
  readonly principal: UidJson;
  readonly action: UidJson;
  readonly resource: UidJson;
  readonly context: Readonly<Record<string, ValueJson>>;
  readonly entities: readonly EntityJson[];
}

export interface Case {
  readonly policies: Readonly<Record<string, PolicyJson>>;
  /** By the id of the policy that the link makes. */
  readonly links: Readonly<Record<string, Link>>;
  readonly asks: readonly AskJson[];
  /** Whether the policies are also taken from the official package's JSON form of their text. */
  readonly readBack: boolean;
}

export function generateCase(c: Choices): Case {
  const depth = c.pick([2, 3, 1, 4, 6]);
  const policies: Record<string, PolicyJson> = { p0: generatePolicy(c, depth) };
  for (let n = c.below(4); n > 0; n--) policies[`p${n}`] = generatePolicy(c, depth);
  const links: Record<string, Link> = {};
  for (let n = c.oneIn(4) ? 1 + c.below(2) : 0; n > 0; n--) links[`l${n}`] = generateLink(c, depth);
  const asks = Array.from({ length: c.pick([4, 3, 1]) }, () => generateAsk(c));
  return { policies, links, asks, readBack: c.below(4) === 0 };
}

function generateAsk(c: Choices): AskJson {
  const entities = generateEntities(c);
  // Mostly somebody of whom something is known.
  const known = entities.map(({ uid }) => uid as EntityJsonUid).filter(({ type }) => !type.endsWith('Action'));
  const pick = (types: readonly string[]) =>
    known.length > 0 && !c.oneIn(3) ? c.pick(known) : { type: c.pick(types), id: c.pick(ids) };
  return {
    principal: pick(['U', 'N::T']),
    action: generateAction(c),
    resource: pick(['G', 'U', 'N::T']),
    context: generateContext(c),
    entities,
  };
}

function generatePolicy(c: Choices, depth: number): PolicyJson {
  return {
    effect: c.pick(['permit', 'forbid']),
    principal: generateScope(c),
    action: generateActionScope(c),
    resource: generateScope(c),
    conditions: generateConditions(c, depth),
  };
}

function generateConditions(c: Choices, depth: number): ConditionJson[] {
  const count = c.pick([1, 1, 1, 0, 2, 3]);
  return Array.from({ length: count }, () => ({
    kind: c.pick(['when', 'when', 'unless'] as const),
    body: c.oneIn(30) ? generateChain(c) : generateExpression(c, 'bool', depth),
  }));
}

/** A long one, bracketed from either side. */
function generateChain(c: Choices): Expr {
  const operator = c.pick(['&&', '||', '+']);
  const type = operator === '+' ? 'long' : 'bool';
  const terms = Array.from({ length: 3 + c.below(40) }, () => generateExpression(c, type, 1));
  const fromLeft = c.oneIn(2);
  const chain = terms.reduce((all, term) => ({
    [operator]: fromLeft ? { left: all, right: term } : { left: term, right: all },
  }));
  return operator === '+' ? { '==': { left: chain, right: generateExpression(c, 'long', 0) } } : chain;
}

function generateScope(c: Choices): ScopeJson {
  const entity = { ...generateUid(c) };
  // Mostly everything, so that most conditions are evaluated.
  if (!c.oneIn(3)) return { op: 'All' };
  return c.pick<() => ScopeJson>([
    () => ({ op: '==', entity }),
    () => ({ op: 'in', entity }),
    () => ({ op: 'is', entity_type: generateType(c) }),
    () => ({ op: 'is', entity_type: generateType(c), in: { entity } }),
  ])();
}

function generateActionScope(c: Choices): ScopeJson {
  if (!c.oneIn(3)) return { op: 'All' };
  return c.pick<() => ScopeJson>([
    () => ({ op: '==', entity: generateAction(c) }),
    () => ({ op: 'in', entity: generateAction(c) }),
    () => ({ op: 'in', entities: c.some(3, () => generateAction(c)) }),
  ])();
}

function generateLink(c: Choices, depth: number): Link {
  const policy = generatePolicy(c, depth);
  const values: Record<string, UidJson> = {};
  const open = (name: 'principal' | 'resource'): ScopeJson => {
    const slot = `?${name}`;
    values[slot] = { ...generateUid(c) };
    return c.pick<ScopeJson>([
      { op: '==', slot },
      { op: 'in', slot },
      { op: 'is', entity_type: generateType(c), in: { slot } },
    ]);
  };
  const which = c.below(3);
  const template = {
    ...policy,
    principal: which !== 1 ? open('principal') : policy.principal,
    resource: which !== 0 ? open('resource') : policy.resource,
  };
  return { template, values };
}

function generateEntities(c: Choices): EntityJson[] {
  const pool = c.some(8, () => generateUid(c));
  const seen = new Set<string>();
  return pool.flatMap((uid, at): EntityJson[] => {
    const key = JSON.stringify(uid);
    // A name that comes twice is an error in both engines, and seldom worth a case.
    if (seen.has(key) && !c.oneIn(20)) return [];
    seen.add(key);
    // Parents come later in the list, so that there is seldom a cycle; some are not in the list at all.
    const isAction = uid.type.endsWith('Action');
    const later = pool.slice(c.oneIn(40) ? 0 : at + 1).filter(({ type }) => type.endsWith('Action') === isAction);
    const parents = c.some(3, () =>
      later.length > 0 && !c.oneIn(6) ? c.pick(later) : isAction ? generateAction(c) : plainUid(c),
    );
    return [
      {
        uid,
        attrs: isAction ? {} : generateMembers(c, 3, 2),
        parents,
        ...(c.oneIn(2) && !isAction ? { tags: generateMembers(c, 3, 1) } : {}),
      },
    ];
  });
}

const plainUid = (c: Choices) => ({ type: c.pick(['Absent', 'Z']), id: c.pick(ids) });

function generateContext(c: Choices): Record<string, ValueJson> {
  const typed = types.filter(() => c.below(6) > 0).map((type) => [type, generateTyped(c, type)] as const);
  return { ...generateMembers(c, 4, 2), ...Object.fromEntries(typed) };
}

const extension = (fn: string, arg: string) => ({ __extn: { fn, arg } });

function generateTyped(c: Choices, type: Type): ValueJson {
  switch (type) {
    case 'bool':
      return c.pick([true, false]);
    case 'long':
      return c.oneIn(2) ? c.below(200) - 100 : c.pick([Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 0, 2 ** 32]);
    case 'string':
      return generateText(c);
    case 'entity':
      return { __entity: { ...generateUid(c) } };
    case 'set':
      return c.some(4, () => generateValue(c, 1));
    case 'record':
      return generateMembers(c, 3, 1);
    case 'decimal':
      return extension('decimal', c.oneIn(20) ? generateDecimal(c) : c.pick(['1.0', '-0.5', '1.00']));
    case 'ip':
      return extension('ip', c.oneIn(20) ? generateIp(c) : c.pick(['10.0.0.1', '10.0.0.0/8', '::1']));
    case 'datetime':
      return extension(type, c.oneIn(20) ? generateDatetime(c) : c.pick(['2024-02-29', '1969-12-31T23:59:59.999Z']));
    case 'duration':
      return extension(type, c.oneIn(20) ? generateDuration(c) : c.pick(['1d', '-1h', '90m']));
  }
}

function generateMembers(c: Choices, most: number, depth: number): Record<string, ValueJson> {
  return Object.fromEntries(c.some(most, () => [c.pick(names), generateValue(c, depth)] as const));
}

function generateValue(c: Choices, depth: number): ValueJson {
  const type = c.pick(types);
  if (type === 'set') return depth <= 0 ? [] : c.some(4, () => generateValue(c, depth - 1));
  if (type === 'record') return depth <= 0 ? {} : generateMembers(c, 3, depth - 1);
  return generateTyped(c, type);
}
