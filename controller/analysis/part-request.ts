/** A request of which only part is known: an operation stands for many. */
import { PosternError } from '#shared/base/errors.ts';
import type { App } from '#shared/contracts/app.ts';
import type { ExactRequest } from '#shared/contracts/grant.ts';
import { canonicalFacts } from '../policy/canonical-facts.ts';
import type { RequestFacts } from '../policy/facts.ts';
import type { MissingPart } from '../policy/judge-partly.ts';

export interface PartRequest {
  readonly request: RequestFacts | undefined;
  readonly missing: readonly MissingPart[];
}

export interface RequestWanted {
  readonly request?: ExactRequest | undefined;
  readonly operation?: string | undefined;
}

/** Any request of the app when neither is wanted. Throws `request-refused`, and `not-found` for an operation it does not have. */
export function partRequest(app: App, { request, operation }: RequestWanted): PartRequest {
  if (app.kind !== 'http') {
    if (request === undefined && operation === undefined) return { request: undefined, missing: [] };
    throw notFound(`${app.id} is a TCP app: it has no requests.`);
  }
  if (request !== undefined) {
    const canonical = canonicalFacts(app, request);
    if (typeof canonical !== 'string') return { request: canonical, missing: [] };
    const tell = `Refused: ${canonical}.`;
    throw new PosternError('request-refused', `the request is refused: ${canonical}`, { tell });
  }
  if (operation === undefined) return { request: undefined, missing: ['request'] };
  const pattern = app.operations?.[operation];
  if (pattern === undefined) throw notFound(`The app ${app.id} has no operation "${operation}".`);
  const [method = '', path = ''] = pattern.split(' ');
  const missing = ['request.query'];
  if (method === '*') missing.push('request.method');
  if (path.includes('*')) missing.push('request.path');
  if (app.hosts.length > 1) missing.push('request.host');
  return { request: { method, host: app.hosts[0]!, path, query: '', operation }, missing };
}

function notFound(tell: string): PosternError {
  return new PosternError('not-found', tell, { tell });
}
