/** Other addresses to ask from: of each range that policies name, and of none of them. */
import { IpAddr, parseIpAddr } from '#shared/cedar/ext-ipaddr.ts';
import { printIpAddr } from '#shared/cedar/value-to-expr.ts';
import type { Change } from './change.ts';
import { literalsFor } from './comparisons.ts';
import type { Question } from './facts.ts';
import { type CompiledPolicy, readsPart } from './policy-set.ts';

/** Ranges that are tried. */
export const mostRanges = 8;
/** Of documentation (RFC 5737, RFC 3849): nobody's own, and in no range that means somewhere. */
const elsewhere = ['192.0.2.1', '2001:db8::1'];

export function otherNetworks(policies: readonly CompiledPolicy[], question: Question): Change[] {
  if (question.networkUnknown === true || !readsPart(policies, 'network')) return [];
  const { address } = question.facts.network;
  const named = literalsFor(policies, 'network.address').filter((literal) => typeof literal === 'string');
  const ranges = named.slice(0, mostRanges).flatMap((text) => {
    const range = tryParse(text);
    return range === undefined ? [] : [{ text, range }];
  });
  const within = ranges.flatMap(({ text, range }) =>
    [...new Set([text.split('/')[0]!, lastOf(range)])].map((from) => other(`from ${text}`, from, address)),
  );
  const outside = elsewhere
    .filter((from) => !ranges.some(({ range }) => parseIpAddr(from).isInRange(range)))
    .map((from) => other(`from none of the named ranges, such as ${from}`, from, address));
  return [...within, ...outside];
}

function other(text: string, from: string, address: string): Change {
  return {
    kind: 'network',
    by: 'self',
    slot: 'network',
    text: `${text} instead of ${address}`,
    fix: {
      kind: 'network',
      text: `It is not open from where you are now (${address.slice(0, 64)}). Try from another network of your organisation.`,
    },
    suppose: (question) => ({ ...question, facts: { ...question.facts, network: { address: from } } }),
  };
}

function tryParse(text: string): IpAddr | undefined {
  try {
    return parseIpAddr(text);
  } catch {
    return undefined;
  }
}

/** The last address: the first may be of a smaller range that is forbidden. */
function lastOf({ bits, address, prefix }: IpAddr): string {
  return printIpAddr(new IpAddr(bits, address | ((1n << BigInt(bits - prefix)) - 1n), bits));
}
