/** Other requests of the same app: one for each operation that it names, and the same with each method that policies name. */
import type { Change } from './change.ts';
import { literalsFor } from './comparisons.ts';
import type { Question, RequestFacts } from './facts.ts';
import { type CompiledPolicy, readsPart } from './policy-set.ts';

export const mostOperations = 32;

/** `operations`: as the app has them, `export: POST /reports/* /export` without the space. */
export function otherRequests(
  policies: readonly CompiledPolicy[],
  { act, request }: Question,
  operations: Readonly<Record<string, string>>,
): Change[] {
  if (act !== 'request' || request === undefined || !readsPart(policies, 'request')) return [];
  const named = Object.entries(operations)
    .slice(0, mostOperations)
    .filter(([operation]) => operation !== request.operation)
    .map(([operation, pattern]) =>
      other(`operation ${operation} (${pattern})`, { ...request, ...sampleOf(pattern), operation }),
    );
  // The name of an operation may be another one with another method.
  const methods = literalsFor(policies, 'request.method')
    .filter((method) => typeof method === 'string')
    .filter((method) => method !== request.method)
    .map((method) => other(`${method} ${request.path}`, { ...request, method, operation: '' }));
  return [...named, ...methods];
}

/** For the person: nothing of what an app can do is named. */
export const otherRequestText =
  'This part of the app is not open to you, others are. If you need it, ask your administrator.';

function other(text: string, request: RequestFacts): Change {
  return {
    kind: 'request',
    by: 'self',
    slot: 'request',
    text: `another request: ${text}`,
    fix: { kind: 'request', text: otherRequestText },
    suppose: (question) => ({ ...question, request }),
  };
}

/** A request that the pattern names: wherever it takes anything, `x`. */
function sampleOf(pattern: string): { method: string; path: string } {
  const [method = '', path = '/'] = pattern.split(' ');
  return { method: method === '*' ? 'GET' : method, path: path.replaceAll(/\*+/g, 'x') };
}
