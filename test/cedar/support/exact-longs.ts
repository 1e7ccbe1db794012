/**
 * Longs beyond 2^53 through the official `policyToJson`, which rounds them: each is written as the id of an entity before, and
 * read back as a bigint after.
 */
import type { PolicyJson } from '#shared/cedar/policy-json.ts';

const type = 'TooLong';
const token = /"(?:\\[\s\S]|[^"\\])*"|\/\/[^\n]*|[A-Za-z_]\w*|[0-9]+/g;

function hide(text: string): string {
  return text.replaceAll(token, (found) =>
    /^[0-9]/.test(found) && !Number.isSafeInteger(Number(found)) ? `${type}::"${found}"` : found,
  );
}

function show(json: PolicyJson): PolicyJson {
  return reveal(json) as PolicyJson;
}

function reveal(node: unknown): unknown {
  if (typeof node !== 'object' || node === null) return node;
  if (Array.isArray(node)) return node.map(reveal);
  // -9223372036854775808 is one literal: its opposite is no Long.
  const hidden = hiddenIn(node);
  if (hidden !== undefined) return { Value: hidden };
  const negated = 'neg' in node ? hiddenIn((node.neg as { arg: object }).arg) : undefined;
  if (negated !== undefined) return { Value: -negated };
  return Object.fromEntries(Object.entries(node).map(([name, member]) => [name, reveal(member)]));
}

function hiddenIn(node: object): bigint | undefined {
  const { Value: value } = node as { Value?: { __entity?: { type: string; id: string } } };
  return value?.__entity?.type === type ? BigInt(value.__entity.id) : undefined;
}

export const withExactLongs = { hide, show };
