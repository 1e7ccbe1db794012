/** A request as policies see it: in its one canonical form (P9), with the operation that it is. */
import type { HttpApp } from '#shared/contracts/app.ts';
import type { ExactRequest } from '#shared/contracts/grant.ts';
import { canonicalRequest, type SpellingReason } from '#shared/wire/canonical-request.ts';
import { operationOf } from '#shared/wire/operations.ts';
import type { RequestFacts } from './facts.ts';

/** Or why it is refused. */
export function canonicalFacts(
  app: HttpApp,
  { method, host, path, query }: ExactRequest,
): RequestFacts | SpellingReason {
  const canonical = canonicalRequest({ method, host, url: query === '' ? path : `${path}?${query}`, app });
  return typeof canonical === 'string' ? canonical : { ...canonical, operation: operationOf(app, canonical) };
}
