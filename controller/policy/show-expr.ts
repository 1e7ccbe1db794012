/** An expression of a policy on one line, for people: `session.secondFactorAge < 900 && person in Group::"staff"`. */
import { termsOf } from '#shared/cedar/compile-logic.ts';
import type { Expr, PatternPart } from '#shared/cedar/policy-json.ts';
import { pathOf } from './comparisons.ts';

/** Characters of one condition; what is longer is cut. */
const maxShown = 300;

export function showExpr(expr: Expr): string {
  const text = show(expr, 0);
  return text.length > maxShown ? `${text.slice(0, maxShown)}...` : text;
}

const names: Readonly<Record<string, string>> = {
  principal: 'person',
  resource: 'app',
  action: 'action',
  context: 'context',
};
const infix = ['&&', '||', '==', '!=', '<', '<=', '>', '>=', '+', '-', '*', 'in'];
const methods = ['contains', 'containsAll', 'containsAny', 'getTag', 'hasTag'];
/** Deeper than this is not worth reading, and the stack is not endless. */
const maxDepth = 30;
const maxTerms = 50;

function show(expr: Expr, depth: number): string {
  if (depth > maxDepth) return '...';
  const path = 'has' in expr ? undefined : pathOf(expr);
  if (path !== undefined) return path;
  const [name, held] = Object.entries(expr)[0] ?? ['', undefined];
  const inner = (each: unknown): string => show(each as Expr, depth + 1);
  const { left, right, arg, ...others } = (held ?? {}) as Readonly<Record<string, unknown>>;
  if (name === 'Var') return names[String(held)] ?? String(held);
  if (name === 'Value') return showValue(held);
  if (name === '&&' || name === '||')
    return termsOf(name, held)
      .slice(0, maxTerms)
      .map((term) => bracket(inner(term), term, name))
      .join(` ${name} `);
  if (infix.includes(name)) return `${bracket(inner(left), left, name)} ${name} ${bracket(inner(right), right, name)}`;
  if (name === '!') return `!${bracket(inner(arg), arg, name)}`;
  if (name === 'neg') return `-${inner(arg)}`;
  if (methods.includes(name)) return `${inner(left)}.${name}(${inner(right)})`;
  if (name === 'isEmpty') return `${inner(arg)}.isEmpty()`;
  if (name === 'has') return `${inner(left)} has ${[others['attr']].flat().join('.')}`;
  if (name === '.') return `${inner(left)}.${String(others['attr'])}`;
  if (name === 'like') return `${inner(left)} like ${showPattern(others['pattern'] as PatternPart[])}`;
  if (name === 'is')
    return `${inner(left)} is ${String(others['entity_type'])}${others['in'] === undefined ? '' : ` in ${inner(others['in'])}`}`;
  if (name === 'Set') return `[${(held as Expr[]).map(inner).join(', ')}]`;
  if (name === 'Record')
    return `{${Object.entries(held as Record<string, Expr>)
      .map(([member, each]) => `${member}: ${inner(each)}`)
      .join(', ')}}`;
  if (name === 'if-then-else')
    return `if ${inner(others['if'])} then ${inner(others['then'])} else ${inner(others['else'])}`;
  if (!Array.isArray(held)) return name;
  const args = (held as Expr[]).map(inner);
  // Made from a text, as `ip("...")`; all others are called on what they take first.
  const isMaker = ['ip', 'decimal', 'datetime', 'duration'].includes(name);
  return isMaker ? `${name}(${args.join(', ')})` : `${args[0]}.${name}(${args.slice(1).join(', ')})`;
}

/** How strongly an operator holds its operands together. */
const strength: Readonly<Record<string, number>> = { '||': 1, '&&': 2, '+': 4, '-': 4, '*': 5, '!': 6 };

function bracket(text: string, operand: unknown, around: string): string {
  const [name = ''] = Object.keys(operand as Expr);
  if (!infix.includes(name)) return text;
  return (strength[name] ?? 3) < (strength[around] ?? 3) || (name === '-' && around === '-') ? `(${text})` : text;
}

function showValue(value: unknown): string {
  const entity = (value as { __entity?: { type: string; id: string } } | null)?.__entity;
  return entity === undefined ? JSON.stringify(value) : `${entity.type}::${JSON.stringify(entity.id)}`;
}

function showPattern(pattern: readonly PatternPart[]): string {
  const parts = pattern.map((part) => (part === 'Wildcard' ? '*' : part.Literal.replaceAll('*', '\\*')));
  return JSON.stringify(parts.join(''));
}
