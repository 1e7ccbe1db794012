/** Conditions whose outcome is known beforehand. */
import type { Ask } from '#shared/cedar/ask.ts';
import { compileExpression } from '#shared/cedar/compile-expression.ts';
import type { Expr } from '#shared/cedar/policy-json.ts';
import { quoted } from '../policy-tokens.ts';
import type { Finding, Lint } from './lint.ts';
import { type Look, pathWords } from './looks.ts';

export const constantCondition: Lint = {
  id: 'constant-condition',
  severity: 'warning',
  about: 'A condition that asks nothing: it always holds, or never.',
  find: ({ json }) =>
    json.conditions.flatMap(({ kind, body }) => {
      const outcome = constantOf(body as unknown as Expr);
      if (outcome === undefined) return [];
      const holds = outcome === (kind === 'when');
      const message = holds
        ? `This ${kind} condition always holds: leave it out.`
        : `This ${kind} condition never holds, so this ${json.effect} does nothing.`;
      return [{ message, at: [[kind, '{', String(outcome)], [kind]] }];
    }),
};

function constantOf(body: Expr): boolean | undefined {
  try {
    const { constant, evaluate } = compileExpression(body, { nodes: 0 });
    const outcome = constant ?? (asksNothing(body) ? evaluate(undefined as unknown as Ask) : undefined);
    return typeof outcome === 'boolean' ? outcome : undefined;
  } catch {
    // Whoever compiles the policy says why it cannot be.
    return undefined;
  }
}

/** No variable and no entity in it, so that nothing of an ask is ever looked at. */
function asksNothing(node: unknown): boolean {
  if (typeof node !== 'object' || node === null) return true;
  return !('Var' in node) && !('__entity' in node) && Object.values(node).every(asksNothing);
}

/** Whole numbers that a fact can be. */
const ranges: Readonly<Record<string, readonly [least: number, most: number, meaning: string]>> = {
  'context.time.weekday': [1, 7, '1 for Monday to 7 for Sunday'],
  'context.time.minuteOfDay': [0, 1439, 'minutes since midnight, 0 to 1439'],
  'context.risk.level': [0, 100, '0 to 100'],
  'context.session.signInAge': [0, Number.POSITIVE_INFINITY, 'seconds, never negative'],
  'context.session.secondFactorAge': [0, Number.POSITIVE_INFINITY, 'seconds, never negative'],
  'context.device.patchAgeDays': [0, Number.POSITIVE_INFINITY, 'days, never negative'],
};

export const outOfRange: Lint = {
  id: 'out-of-range',
  severity: 'warning',
  about: 'A comparison with a number that the fact cannot have: Sunday is 7, minutes of a day end at 1439.',
  find: ({ looks }) => looks.flatMap(findOutOfRange),
};

function findOutOfRange(look: Look): Finding[] {
  const { path, operator, value } = look;
  const range = Object.hasOwn(ranges, path) ? ranges[path] : undefined;
  if (range === undefined || typeof value !== 'number') return [];
  const [least, most, meaning] = range;
  const outcome = outcomeOf(operator, value, least, most);
  if (outcome === undefined) return [];
  const message = `${path} ${operator} ${value} is always ${outcome}: it is ${meaning}.`;
  return [{ message, at: [[...pathWords(path), operator, `${value}`], pathWords(path)] }];
}

function outcomeOf(operator: Look['operator'], value: number, least: number, most: number): boolean | undefined {
  const [below, above] = [value < least, value > most];
  if (operator === '==') return below || above ? false : undefined;
  if (operator === '!=') return below || above ? true : undefined;
  if (operator === '<') return value <= least ? false : above ? true : undefined;
  if (operator === '<=') return below ? false : value >= most ? true : undefined;
  if (operator === '>') return value >= most ? false : below ? true : undefined;
  if (operator === '>=') return above ? false : value <= least ? true : undefined;
  return undefined;
}

export const starInEquals: Lint = {
  id: 'star-without-like',
  severity: 'warning',
  about: 'A `*` stands for anything only beside `like`; beside `==` it is a star.',
  find: ({ looks }) =>
    looks
      .filter(
        ({ path, value }) => path.startsWith('context.request.') && typeof value === 'string' && value.includes('*'),
      )
      .map(({ value }) => ({
        message: `A * stands for anything only with like: with == it is the character itself.`,
        at: [[quoted(String(value))]],
      })),
};
