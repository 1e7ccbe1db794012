/** What a policy looks at, read from its JSON form (the engine's `policyToJson`) without evaluating it. */
import type { Expr, PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';
import type { CompiledPolicy, EntityName } from './policy-set.ts';

export type PolicyReading = Pick<
  CompiledPolicy,
  'effect' | 'reads' | 'longs' | 'moments' | 'computes' | 'strings' | 'entities'
> & {
  /** A Long that JSON cannot carry: the engine's JSON form has rounded it. */
  readonly unsafeLong: boolean;
};

export function readPolicy(json: PolicyJson): PolicyReading {
  const seen = nothingSeen();
  for (const { body } of json.conditions) walk(body, seen);
  for (const scope of [json.principal, json.action, json.resource]) walkScope(scope, seen);
  return {
    effect: json.effect,
    reads: seen.reads,
    longs: [...seen.longs],
    moments: [...seen.moments],
    computes: seen.computes,
    strings: [...seen.strings],
    entities: seen.entities.filter(({ type }) => type !== 'Action'),
    unsafeLong: seen.unsafe,
  };
}

/** True when the expression looks at this part of the context, or takes the context whole; without a part, at any of it. */
export function readsContext(body: Expr, part?: string): boolean {
  const seen = nothingSeen();
  walk(body, seen);
  if (part === undefined) return seen.reads.size > 0;
  return [...seen.reads].some((path) => path === '*' || path === part || path.startsWith(`${part}.`));
}

function entityName(uid: EntityName | { __entity: EntityName }): EntityName {
  const { type, id } = '__entity' in uid ? uid.__entity : uid;
  return { type, id };
}

interface Seen {
  readonly reads: Set<string>;
  readonly longs: Set<number>;
  readonly moments: Set<number>;
  readonly strings: Set<string>;
  readonly entities: EntityName[];
  unsafe: boolean;
  computes: boolean;
}

function nothingSeen(): Seen {
  return {
    reads: new Set(),
    longs: new Set(),
    moments: new Set(),
    strings: new Set(),
    entities: [],
    unsafe: false,
    computes: false,
  };
}

function walkScope(scope: PolicyJson['principal'] | PolicyJson['action'] | PolicyJson['resource'], seen: Seen): void {
  if ('entity' in scope) seen.entities.push(entityName(scope.entity));
  if ('entities' in scope) for (const entity of scope.entities) seen.entities.push(entityName(entity));
  if (scope.op === 'is' && scope.in && 'entity' in scope.in) seen.entities.push(entityName(scope.in.entity));
}

/** Walks any part of an expression; a construct that is not known here is still walked through. */
function walk(node: unknown, seen: Seen): void {
  if (typeof node === 'number') {
    if (Number.isSafeInteger(node)) seen.longs.add(node);
    else seen.unsafe = true;
    return;
  }
  if (typeof node === 'string') seen.strings.add(node);
  if (typeof node !== 'object' || node === null) return;
  if (Array.isArray(node)) {
    for (const item of node) walk(item, seen);
    return;
  }
  // The names in a record are its author's, and must not be taken for operators: what they hold would go unseen.
  if ('Record' in node) {
    for (const member of Object.values(node.Record as Readonly<Record<string, unknown>>)) walk(member, seen);
    return;
  }
  const path = contextPath(node as Expr);
  if (path !== undefined) {
    seen.reads.add(path.length === 0 ? '*' : path.slice(0, 2).join('.'));
    if (isMoving(path) && !('has' in node)) seen.computes = true;
    return;
  }
  if (walkThreshold(node as Expr, seen)) return;
  const members = node as Readonly<Record<string, unknown>>;
  if (typeof members['type'] === 'string' && typeof members['id'] === 'string') {
    seen.entities.push({ type: members['type'], id: members['id'] });
    return;
  }
  const moment = (members['datetime'] as { Value?: unknown }[] | undefined)?.[0]?.Value;
  if (typeof moment === 'string') {
    const at = Date.parse(moment);
    if (Number.isFinite(at)) seen.moments.add(at);
  }
  for (const member of Object.values(members)) walk(member, seen);
}

/** Values that change within a minute. `minuteOfDay` and `weekday` turn at minutes, which are always looked at. */
function isMoving([part, name]: readonly string[]): boolean {
  if (part === undefined || name === undefined) return part !== 'request' && part !== 'device' && part !== 'network';
  return (part === 'time' && name === 'now') || (part === 'session' && name.endsWith('Age'));
}

/** A moving value beside a literal: it can turn at that literal's moment and at no other. False for everything else. */
function walkThreshold(node: Expr, seen: Seen): boolean {
  for (const [operator, operand] of Object.entries(node)) {
    if (!['<', '<=', '>', '>=', '==', '!='].includes(operator)) return false;
    const { left, right } = operand as unknown as { left: Expr; right: Expr };
    for (const [side, other] of [
      [left, right],
      [right, left],
    ] as const) {
      const path = contextPath(side);
      if (path?.length !== 2 || !isMoving(path) || !('Value' in other || 'datetime' in other)) continue;
      seen.reads.add(path.join('.'));
      walk(other, seen);
      return true;
    }
  }
  return false;
}

/** `context.session.methods` is ['session', 'methods'], `context` alone is []; undefined for any other expression. */
export function contextPath(node: Expr): string[] | undefined {
  const members = node as unknown as Readonly<Record<string, unknown>>;
  if (members['Var'] === 'context') return [];
  const access = (members['.'] ?? members['has']) as { left: Expr; attr: string | string[] } | undefined;
  if (access === undefined || typeof access !== 'object' || !('attr' in access)) return undefined;
  const left = contextPath(access.left);
  return left === undefined ? undefined : [...left, ...[access.attr].flat()];
}
