/**
 * A residual as JSON: short, for it travels in a grant, and canonical: one form for one expression, and no other form is taken.
 *
 * An expression is a JSON array that begins with its operator: `["&&", a, b, c]`, `["like", a, "/admin", 0]` (0 is a wildcard),
 * `["c", "request", "path"]` (from the context), `["e", "Group", "staff"]` (an entity), `["n", "9223372036854775807"]`. Booleans,
 * texts and Longs up to 2^53 are themselves. Operators keep their names of Cedar's JSON form, but for the few in `shortNames`.
 */
import type { ResidualForm } from '../contracts/grant.ts';
import { compileExpression } from './compile-expression.ts';
import { termsOf } from './compile-logic.ts';
import type { EntityStore } from './entities.ts';
import { toLong } from './longs.ts';
import type { Expr, PatternPart } from './policy-json.ts';
import { refuse } from './refuse.ts';

const shortNames: ReadonlyMap<string, string> = new Map([
  ['if-then-else', '?'],
  ['Set', '[]'],
  ['Record', '{}'],
]);
const longNames: ReadonlyMap<string, string> = new Map([...shortNames].map(([long, short]) => [short, long]));

/** Throws `policy-invalid` for one that looks an entity up: whoever evaluates a residual has none. */
export const encodeResidual = (expr: Expr): ResidualForm => encode(expr);

/**
 * `form`: whatever JSON.parse gave, which takes the last of two members of one name: whoever parses sees to that.
 * Throws `policy-invalid` for a form that is not canonical, an operator that is not known here, and one that looks an entity up.
 */
export function decodeResidual(form: unknown): Expr {
  const expr = decode(form, 0);
  compileExpression(expr, { nodes: 0 });
  if (JSON.stringify(encode(expr)) !== JSON.stringify(form)) throw refuse('A residual is not in its one form.');
  return expr;
}

/**
 * The entities of whoever evaluates a residual. An unknown member may turn out to be an entity, whose attributes nobody sent:
 * then nothing is decided, for to find none would be to guess.
 */
export const entitiesOfResiduals: EntityStore = {
  find: ({ key }) => {
    throw new Undecidable(`a residual looks up the entity ${key}`);
  },
};

/** Whatever the residual would come to, it may not be decided. Not an error by Cedar's rules, which a policy could hide. */
export class Undecidable extends Error {
  override readonly name = 'Undecidable';
}

function encode(expr: Expr): ResidualForm {
  const [name, held] = Object.entries(expr)[0]!;
  if (Array.isArray(held)) return [shortNames.get(name) ?? name, ...(held as Expr[]).map(encode)];
  const parts = held as { left: Expr; right: Expr; arg: Expr; attr: string | string[]; pattern: PatternPart[] };
  switch (name) {
    case 'Value':
      return encodeValue(held);
    case 'Var':
      return ['c'];
    case '&&':
    case '||':
      return [name, ...(termsOf(name, held) as Expr[]).map(encode)];
    case '!':
    case 'neg':
    case 'isEmpty':
      return [name, encode(parts.arg)];
    case '.': {
      const left = encode(parts.left);
      // `context.request.path` is one path.
      if (Array.isArray(left) && (left[0] === 'c' || left[0] === '.')) return [...left, parts.attr as string];
      return ['.', left, parts.attr as string];
    }
    case 'has':
      return ['has', encode(parts.left), ...[parts.attr].flat()];
    case 'like':
      return ['like', encode(parts.left), ...encodePattern(parts.pattern)];
    case 'is': {
      const { entity_type, in: group } = held as { entity_type: string; in?: Expr };
      if (group !== undefined) throw refuse(looksUp);
      return ['is', encode(parts.left), entity_type];
    }
    case 'if-then-else': {
      const choice = held as { if: Expr; then: Expr; else: Expr };
      return ['?', encode(choice.if), encode(choice.then), encode(choice.else)];
    }
    case 'Record': {
      const members = Object.entries(held as Record<string, Expr>).sort(([a], [b]) => (a < b ? -1 : 1));
      return ['{}', ...members.flatMap(([key, member]) => [key, encode(member)])];
    }
    default:
      if (!ofTwo.has(name)) throw refuse(needEntities.has(name) ? looksUp : `The operator ${name} has no short form.`);
      return [name, encode(parts.left), encode(parts.right)];
  }
}

function encodeValue(value: unknown): ResidualForm {
  if (typeof value === 'bigint') return ['n', String(value)];
  if (typeof value !== 'object') return value as ResidualForm;
  const { __entity: entity } = value as { __entity?: { type: string; id: string } };
  if (entity === undefined) throw refuse('A residual holds a value that is written otherwise.');
  return ['e', entity.type, entity.id];
}

/** Literals beside each other are one, wildcards too. */
function encodePattern(pattern: readonly PatternPart[]): ResidualForm[] {
  const parts: (string | 0)[] = [];
  for (const part of pattern) {
    const last = parts.at(-1);
    if (part === 'Wildcard') {
      if (last !== 0) parts.push(0);
    } else if (typeof last === 'string') parts[parts.length - 1] = last + part.Literal;
    else parts.push(part.Literal);
  }
  return parts;
}

const ofTwo: ReadonlySet<string> = new Set([
  '==',
  '!=',
  '<',
  '<=',
  '>',
  '>=',
  '+',
  '-',
  '*',
  'contains',
  'containsAll',
  'containsAny',
]);
const looksUp = 'A residual looks an entity up.';
const needEntities: ReadonlySet<string> = new Set(['in', 'getTag', 'hasTag']);

function decode(form: unknown, depth: number): Expr {
  // Deeper ones are refused when they are compiled; this is for the way there.
  if (depth > 500) throw refuse('A residual is too deep.');
  if (typeof form === 'boolean' || typeof form === 'string' || typeof form === 'number') return { Value: form };
  if (!Array.isArray(form)) throw refuse('A residual holds something that is no expression.');
  const [name, ...rest] = form as [unknown, ...unknown[]];
  if (typeof name !== 'string') throw refuse('A residual has no operator.');
  if (needEntities.has(name)) throw refuse(looksUp);
  const inner = (each: unknown) => decode(each, depth + 1);
  const [first, second] = rest;
  switch (name) {
    case 'c':
      return path({ Var: 'context' }, rest);
    case 'e':
      return { Value: { __entity: { type: first, id: second } } };
    case 'n':
      return { Value: decodeLong(first) };
    case '&&':
    case '||':
      if (rest.length < 2) throw refuse('A chain has one term.');
      return rest.map(inner).reduce((all, term) => ({ [name]: { left: all, right: term } }));
    case '!':
    case 'neg':
    case 'isEmpty':
      return { [name]: { arg: inner(first) } };
    case '.':
      return path(inner(first), rest.slice(1));
    case 'has':
      return { has: { left: inner(first), attr: rest.length === 2 ? second : rest.slice(1) } };
    case 'like':
      return {
        like: {
          left: inner(first),
          pattern: rest.slice(1).map((part) => (part === 0 ? 'Wildcard' : { Literal: part })),
        },
      };
    case 'is':
      return { is: { left: inner(first), entity_type: second } };
    case '?': {
      const [test, then, otherwise] = rest.map(inner);
      return {
        'if-then-else': Object.fromEntries(Object.entries({ if: test, else: otherwise }).concat([['then', then]])),
      };
    }
    case '{}':
      return { Record: record(rest, inner) };
    default:
      if (ofTwo.has(name)) return { [name]: { left: inner(first), right: inner(second) } };
      return { [longNames.get(name) ?? name]: rest.map(inner) };
  }
}

function path(start: Expr, names: readonly unknown[]): Expr {
  return names.reduce<Expr>((left, attr) => ({ '.': { left, attr } }), start);
}

function decodeLong(digits: unknown): bigint {
  if (typeof digits !== 'string' || !/^-?[0-9]{16,19}$/.test(digits)) throw refuse('A Long is not written as one.');
  const value = BigInt(digits);
  if (typeof toLong(value) !== 'bigint') throw refuse('A Long is not written as one.');
  return value;
}

function record(parts: readonly unknown[], inner: (form: unknown) => Expr): Readonly<Record<string, Expr>> {
  const members: [string, Expr][] = [];
  for (let at = 0; at < parts.length; at += 2) members.push([String(parts[at]), inner(parts[at + 1])]);
  return Object.fromEntries(members);
}
