/**
 * What a policy compares with literals, read from its JSON form: `session.secondFactorAge < 900`. For explanations, which
 * say what was wanted, and for the search for changes, which tries what policies name.
 */
import { termsOf } from '#shared/cedar/compile-logic.ts';
import type { Expr, PolicyJson } from '#shared/cedar/policy-json.ts';
import type { CompiledPolicy } from './policy-set.ts';
import { contextPath } from './read-policy.ts';

export type Literal = boolean | number | string;

export type Operator =
  | '<'
  | '<='
  | '>'
  | '>='
  | '=='
  | '!='
  /** The path is itself a boolean. */
  | 'is'
  /** The set at the path has all of the literals. */
  | 'contains'
  | 'containsAny'
  /** The value at the path is among the literals: entities, ranges of addresses, or a set. */
  | 'in'
  | 'not in';

export interface Comparison {
  /** Dotted: `session.secondFactorAge`, `person.groups`, `person.role`, `app.groups`. */
  readonly path: string;
  readonly operator: Operator;
  readonly literals: readonly Literal[];
  /** Whether it should hold, for access to be allowed; undefined where that cannot be told (within `if` and `==`). */
  readonly wanted: boolean | undefined;
}

const memo = new WeakMap<PolicyJson, readonly Comparison[]>();

export function comparisonsOf({ json }: Pick<CompiledPolicy, 'json'>): readonly Comparison[] {
  let found = memo.get(json);
  if (found === undefined) {
    found = [...scopeOf(json), ...json.conditions.flatMap(({ body, kind }) => read(body, helps(json, kind)))];
    memo.set(json, found);
  }
  return found;
}

/** Whether a condition of this kind should hold, for access to be allowed. */
export const helps = ({ effect }: PolicyJson, kind: 'when' | 'unless'): boolean =>
  (kind === 'when') === (effect === 'permit');

/** Literals that policies hold against one fact, each once. */
export function literalsFor(policies: readonly CompiledPolicy[], path: string): readonly Literal[] {
  const beside = policies.flatMap((policy) => comparisonsOf(policy).filter((comparison) => comparison.path === path));
  return [...new Set(beside.flatMap(({ literals }) => literals))];
}

function scopeOf({ principal, effect }: PolicyJson): Comparison[] {
  const named = 'entity' in principal ? [principal.entity] : 'entities' in principal ? principal.entities : [];
  const within = principal.op === 'is' && principal.in !== undefined && 'entity' in principal.in && principal.in.entity;
  const groups = [...named, ...(within ? [within] : [])].flatMap((uid) => entityId({ Value: uid }, 'Group'));
  return groups.length === 0
    ? []
    : [{ path: 'person.groups', operator: 'in', literals: groups, wanted: effect === 'permit' }];
}

type Wanted = boolean | undefined;
const flip = (wanted: Wanted): Wanted => (wanted === undefined ? undefined : !wanted);

function read(expr: Expr, wanted: Wanted): Comparison[] {
  const path = pathOf(expr);
  if (path !== undefined) return 'has' in expr ? [] : [{ path, operator: 'is', literals: [true], wanted }];
  const [operator, held] = Object.entries(expr)[0] ?? ['', undefined];
  const parts = (held ?? {}) as { arg: Expr; if: Expr; then: Expr; else: Expr };
  if (operator === '&&' || operator === '||')
    return termsOf(operator, held).flatMap((term) => read(term as Expr, wanted));
  if (operator === '!') return read(parts.arg, flip(wanted));
  if (operator === 'if-then-else')
    return [...read(parts.if, undefined), ...read(parts.then, wanted), ...read(parts.else, wanted)];
  const compared = compare(expr, operator, wanted);
  if (compared !== undefined) return [compared];
  return inner(held).flatMap((each) => read(each, undefined));
}

/** The expressions inside one that is not known here. */
function inner(held: unknown): Expr[] {
  if (typeof held !== 'object' || held === null) return [];
  const members = Array.isArray(held) ? held : Object.values(held);
  return members.filter((each): each is Expr => typeof each === 'object' && each !== null && !Array.isArray(each));
}

const mirrored: Partial<Record<string, Operator>> = {
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
  '==': '==',
  '!=': '!=',
};

function compare(expr: Expr, operator: string, wanted: Wanted): Comparison | undefined {
  const held = expr[operator];
  const [left, right] = Array.isArray(held) ? (held as Expr[]) : [pick(held, 'left'), pick(held, 'right')];
  if (operator === 'is') return groupOf(pick(held, 'left'), pick(held, 'in'), wanted);
  if (left === undefined || right === undefined) return undefined;
  if (operator === 'in') return groupOf(left, right, wanted);
  const [leftPath, rightPath] = [pathOf(left), pathOf(right)];
  if (leftPath !== undefined) {
    const literals = literalsOf(right);
    if (literals === undefined) return undefined;
    if (Object.hasOwn(mirrored, operator)) return { path: leftPath, operator: operator as Operator, literals, wanted };
    if (operator === 'contains' || operator === 'containsAll')
      return { path: leftPath, operator: 'contains', literals, wanted };
    if (operator === 'containsAny') return { path: leftPath, operator, literals, wanted };
    if (operator === 'isInRange') return { path: leftPath, operator: 'in', literals, wanted };
    return undefined;
  }
  const literals = rightPath === undefined ? undefined : literalsOf(left);
  if (rightPath === undefined || literals === undefined) return undefined;
  if (operator === 'contains') return { path: rightPath, operator: 'in', literals, wanted };
  const other = mirrored[operator];
  return other === undefined ? undefined : { path: rightPath, operator: other, literals, wanted };
}

const pick = (held: unknown, name: string): Expr | undefined =>
  (held as Readonly<Record<string, Expr | undefined>> | undefined)?.[name];

function groupOf(left: Expr | undefined, right: Expr | undefined, wanted: Wanted): Comparison | undefined {
  const subject = left?.['Var'];
  if (right === undefined || (subject !== 'principal' && subject !== 'resource')) return undefined;
  const [path, type] = subject === 'principal' ? ['person.groups', 'Group'] : ['app.groups', 'AppGroup'];
  const items = 'Set' in right ? (right['Set'] as Expr[]) : [right];
  const literals = items.flatMap((item) => entityId(item, type));
  return literals.length === 0 ? undefined : { path, operator: 'in', literals, wanted };
}

function entityId(expr: Expr, wanted: string): string[] {
  const value = expr['Value'] as { __entity?: { type: string; id: string }; type?: string; id?: string } | undefined;
  const { type, id } = value?.__entity ?? value ?? {};
  return type === wanted && id !== undefined ? [id] : [];
}

const subjects: Readonly<Record<string, string>> = { principal: 'person', resource: 'app' };

/** `context.session.methods` is `session.methods`, `principal.role` is `person.role`. */
export function pathOf(expr: Expr): string | undefined {
  const inContext = contextPath(expr as unknown as Parameters<typeof contextPath>[0]);
  if (inContext !== undefined) return inContext.join('.') || undefined;
  const access = expr['.'] as { left: Expr; attr: string } | undefined;
  const subject = subjects[String(access?.left['Var'])];
  return subject === undefined ? undefined : `${subject}.${access!.attr}`;
}

function literalsOf(expr: Expr): Literal[] | undefined {
  if ('Value' in expr) {
    const value = expr['Value'];
    return typeof value === 'object' || value === undefined ? undefined : [value as Literal];
  }
  if ('Set' in expr) {
    const items = (expr['Set'] as Expr[]).map(literalsOf);
    return items.includes(undefined) ? undefined : (items as Literal[][]).flat();
  }
  const [name, args] = Object.entries(expr)[0] ?? [];
  const isLiteral = name === 'ip' || name === 'datetime' || name === 'duration' || name === 'decimal';
  return isLiteral ? literalsOf((args as Expr[])[0]!) : undefined;
}
