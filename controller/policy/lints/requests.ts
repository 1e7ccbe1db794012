/** Parts of a request and addresses that policies should look at with care. */
import { parseIpAddr } from '#shared/cedar/ext-ipaddr.ts';
import { readsContext } from '../read-policy.ts';
import type { Lint } from './lint.ts';

export const readsQuery: Lint = {
  id: 'reads-query',
  severity: 'warning',
  about: 'The query of a request is never recorded: a replay cannot tell what a policy that reads it would have said.',
  find: ({ json }) =>
    json.conditions.some(({ body }) => readsContext(body, 'request.query'))
      ? [
          {
            message: 'This policy reads the query, which is never recorded: a replay leaves its verdicts undetermined.',
            at: [['request', '.', 'query'], ['query']],
          },
        ]
      : [],
};

const privateRanges = [
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '127.0.0.0/8',
  '169.254.0.0/16',
  'fc00::/7',
  'fe80::/10',
  '::1/128',
].map(parseIpAddr);

export const privateAddress: Lint = {
  id: 'private-address',
  severity: 'warning',
  about:
    'A permit that trusts private addresses alone: they say that the way led through some inner network, not which.',
  find: ({ json }) => {
    if (json.effect !== 'permit') return [];
    const ranges: string[] = [];
    for (const { body } of json.conditions) collectRanges(body, ranges);
    if (ranges.length === 0 || !ranges.every(isPrivate)) return [];
    const message =
      'This permit asks for private addresses only: whatever stands behind a router or tunnel of yours has one.';
    return [{ message, at: [['isInRange'], ['address']] }];
  },
};

function isPrivate(text: string): boolean {
  try {
    const range = parseIpAddr(text);
    return privateRanges.some((wide) => range.isInRange(wide));
  } catch {
    return false;
  }
}

/** The literals of `isInRange(ip("..."))`. */
function collectRanges(node: unknown, found: string[]): void {
  if (typeof node !== 'object' || node === null) return;
  const { isInRange } = node as { isInRange?: unknown };
  if (Array.isArray(isInRange)) {
    const [, range] = isInRange as [unknown, { ip?: readonly { Value?: unknown }[] } | undefined];
    const literal = range?.ip?.[0]?.Value;
    found.push(typeof literal === 'string' ? literal : '');
  }
  for (const member of Object.values(node)) collectRanges(member, found);
}
