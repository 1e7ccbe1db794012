/**
 * Warnings of P8. Posture facts take their worst value when unknown or stale, so a policy is safe only if it asks for the
 * good value to allow and not for it to forbid. A policy that does the reverse turns a lost fact into access.
 */
import type { Expr, PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';
import { type FactKey, postureFacts } from '#shared/contracts/posture.ts';
import { contextPath } from '../read-policy.ts';
import type { Finding, Lint } from './lint.ts';

/** True: satisfied more by better facts. False: by worse ones. Undefined: both ways, as within `if` or `==`. */
type Sign = boolean | undefined;

export const permitNeedsBad: Lint = {
  id: 'permit-needs-bad-fact',
  severity: 'warning',
  about:
    'A permit that holds for a bad posture fact holds for an unknown or stale one too: a fact that is lost lets in.',
  find: ({ json }) =>
    json.effect !== 'permit'
      ? []
      : turned(
          json,
          true,
          (fact) => `This permit can need a bad ${fact}: a device whose fact is unknown or stale would be let in.`,
        ),
};

export const forbidNeedsGood: Lint = {
  id: 'forbid-needs-good-fact',
  severity: 'warning',
  about: 'A forbid that holds only for a good posture fact does not hold for an unknown or stale one.',
  find: ({ json }) =>
    json.effect !== 'forbid'
      ? []
      : turned(
          json,
          false,
          (fact) =>
            `This forbid can need a good ${fact}: it does not hold for a device whose fact is unknown or stale.`,
        ),
};

function turned(json: PolicyJson, wanted: boolean, tell: (fact: FactKey) => string): Finding[] {
  const found = new Map<FactKey, Sign[]>();
  for (const { kind, body } of json.conditions) walk(body, kind === 'when', found);
  return [...found]
    .filter(([, signs]) => signs.some((sign) => sign !== wanted))
    .map(([fact]) => ({ message: tell(fact), at: [['device', '.', fact], [fact]] }));
}

function walk(node: unknown, sign: Sign, found: Map<FactKey, Sign[]>): void {
  if (typeof node !== 'object' || node === null) return;
  if (Array.isArray(node)) {
    for (const item of node) walk(item, undefined, found);
    return;
  }
  if ('Record' in node) {
    for (const member of Object.values(node.Record as Readonly<Record<string, unknown>>))
      walk(member, undefined, found);
    return;
  }
  const path = contextPath(node as Expr);
  if (path !== undefined) {
    const fact = factOf(path);
    if (fact !== undefined) note(found, fact, sign);
    return;
  }
  for (const [operator, operand] of Object.entries(node as Record<string, unknown>)) {
    if (operator === '&&' || operator === '||') {
      const { left, right } = operand as { left: Expr; right: Expr };
      walk(left, sign, found);
      walk(right, sign, found);
    } else if (operator === '!') {
      walk((operand as { arg: Expr }).arg, flip(sign, false), found);
    } else if (operator === 'if-then-else') {
      const parts = operand as { if: Expr; then: Expr; else: Expr };
      walk(parts.if, undefined, found);
      walk(parts.then, sign, found);
      walk(parts.else, sign, found);
    } else if (isComparison(operator)) {
      walkComparison(operator, operand as { left: Expr; right: Expr }, sign, found);
    } else walk(operand, undefined, found);
  }
}

const comparisons = ['<', '<=', '>', '>=', '==', '!=', 'contains', 'containsAll', 'containsAny'] as const;
const isComparison = (operator: string): boolean => (comparisons as readonly string[]).includes(operator);

function walkComparison(
  operator: string,
  { left, right }: { left: Expr; right: Expr },
  sign: Sign,
  found: Map<FactKey, Sign[]>,
) {
  const leftFact = factOf(contextPath(left) ?? []);
  const rightFact = factOf(contextPath(right) ?? []);
  if (leftFact === undefined && rightFact === undefined) {
    walk(left, undefined, found);
    walk(right, undefined, found);
    return;
  }
  for (const [fact, other, mirrored] of [
    [leftFact, right, false],
    [rightFact, left, true],
  ] as const)
    if (fact !== undefined) note(found, fact, flip(sign, goodWhenTrue(fact, operator, mirrored, other)));
}

/** Whether the comparison is true for good values (true), for bad ones (false), or cannot be told. */
function goodWhenTrue(fact: FactKey, operator: string, mirrored: boolean, other: Expr): Sign {
  const { kind, worst } = postureFacts[fact];
  const value = 'Value' in other ? other.Value : undefined;
  if (kind === 'names') return operator.startsWith('contains') && !mirrored ? true : undefined;
  if (operator === '==' || operator === '!=') {
    if (typeof value !== typeof worst) return undefined;
    // Equal to the worst value is bad; equal to any other needs a fact that was measured, which is good.
    return (operator === '==') !== (value === worst);
  }
  if (kind !== 'number') return undefined;
  const asksForLess = operator.startsWith('<') !== mirrored;
  return asksForLess === (worst as number) > 0;
}

/** The sign of a fact inside an expression that stands at `sign` and is itself true for good values, or for bad ones. */
function flip(sign: Sign, goodWhen: Sign): Sign {
  if (sign === undefined || goodWhen === undefined) return undefined;
  return goodWhen ? sign : !sign;
}

function note(found: Map<FactKey, Sign[]>, fact: FactKey, sign: Sign): void {
  found.set(fact, [...(found.get(fact) ?? []), sign]);
}

function factOf(path: readonly string[]): FactKey | undefined {
  const [part, name] = path;
  return part === 'device' && name !== undefined && Object.hasOwn(postureFacts, name) ? (name as FactKey) : undefined;
}
