/** The canonical request as an agent names it when it asks for a grant (P9). */
import type { ExactRequest } from '#shared/contracts/grant.ts';
import { canonicalRequest, type SpellingReason } from '#shared/wire/canonical-request.ts';

/** Which of these an app allows only the gateway knows, and it judges again: a spelling it refuses is refused there. */
const allowSpellings = ['encoded-slash', 'double-slash', 'semicolon', 'backslash', 'dot-segments'] as const;
const maxPart = 1024;

export interface AskedRequest {
  readonly method: string;
  /** One of the app's hosts, as the app shall see it. */
  readonly host: string;
  readonly url: string;
  readonly hosts: readonly string[];
}

export type NamedRequest =
  /** `exact` is undefined when the request is too long for a grant: only a whole-app grant can serve it. */
  | { readonly ok: true; readonly exact: ExactRequest | undefined; readonly path: string; readonly query: string }
  | { readonly ok: false; readonly reason: SpellingReason };

export function exactRequestOf({ method, host, url, hosts }: AskedRequest): NamedRequest {
  const canonical = canonicalRequest({
    method,
    host,
    url,
    app: { hosts: [...hosts], allowSpellings: [...allowSpellings] },
  });
  if (typeof canonical === 'string') return { ok: false, reason: canonical };
  const { path, query } = canonical;
  return { ok: true, exact: path.length > maxPart || query.length > maxPart ? undefined : canonical, path, query };
}
