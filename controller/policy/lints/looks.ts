/** The comparisons of a policy between something that is known of the ask and a literal. */
import type { PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';

export interface Look {
  /** `context.device.os`, `principal.role`. */
  readonly path: string;
  /** As if the path stood on the left; `==` for each member of a set of literals that is asked whether it contains the path. */
  readonly operator: '==' | '!=' | '<' | '<=' | '>' | '>=' | 'contains';
  readonly value: string | number | boolean;
}

type Node = Readonly<Record<string, unknown>>;

export function looksOf(json: PolicyJson): Look[] {
  const found: Look[] = [];
  for (const { body } of json.conditions) walk(body, found);
  return found;
}

const mirrored: Readonly<Record<string, Look['operator']>> = {
  '==': '==',
  '!=': '!=',
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
};

function walk(node: unknown, found: Look[]): void {
  if (typeof node !== 'object' || node === null) return;
  // The names in a record are its author's, and no operators.
  if ('Record' in node) {
    for (const member of Object.values(node.Record as Node)) walk(member, found);
    return;
  }
  for (const [operator, operand] of Object.entries(node)) {
    if (typeof operand === 'object' && operand !== null && 'left' in operand && 'right' in operand)
      compare(operator, operand.left, operand.right, found);
    walk(operand, found);
  }
}

function compare(operator: string, left: unknown, right: unknown, found: Look[]): void {
  const [leftPath, rightPath] = [attributePath(left), attributePath(right)];
  if (Object.hasOwn(mirrored, operator)) {
    const [a, b] = [literalOf(left), literalOf(right)];
    if (leftPath !== undefined && b !== undefined)
      found.push({ path: leftPath, operator: operator as Look['operator'], value: b });
    if (rightPath !== undefined && a !== undefined)
      found.push({ path: rightPath, operator: mirrored[operator]!, value: a });
  } else if (operator === 'contains') {
    const value = literalOf(right);
    if (leftPath !== undefined && value !== undefined) found.push({ path: leftPath, operator: 'contains', value });
    if (rightPath !== undefined)
      for (const member of literalsOf(left)) found.push({ path: rightPath, operator: '==', value: member });
  } else if (operator === 'containsAny' || operator === 'containsAll') {
    if (leftPath !== undefined)
      for (const member of literalsOf(right)) found.push({ path: leftPath, operator: 'contains', value: member });
  }
}

function literalOf(node: unknown): Look['value'] | undefined {
  const value = (node as Node)['Value'];
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : undefined;
}

function literalsOf(node: unknown): Look['value'][] {
  const members = (node as Node)['Set'];
  if (!Array.isArray(members)) return [];
  return members.map(literalOf).filter((value) => value !== undefined);
}

function attributePath(node: unknown): string | undefined {
  if (typeof node !== 'object' || node === null) return undefined;
  const { Var: variable, '.': access } = node as { Var?: unknown; '.'?: { left?: unknown; attr?: unknown } };
  if (typeof variable === 'string') return variable;
  if (access === undefined || typeof access.attr !== 'string') return undefined;
  const left = attributePath(access.left);
  return left === undefined ? undefined : `${left}.${access.attr}`;
}

/** True when a part of the policy names this variable. */
export function readsVariable(node: unknown, name: string): boolean {
  if (typeof node !== 'object' || node === null) return false;
  if ((node as Node)['Var'] === name) return true;
  return Object.values(node).some((member) => readsVariable(member, name));
}

/** The words of a path in a policy's text. */
export const pathWords = (path: string): string[] =>
  path.split('.').flatMap((part, at) => (at === 0 ? [part] : ['.', part]));
