/** The headers an app sees: what the client may say, what this gateway says about the client, and who it is. */
import { identityHeader } from '#shared/contracts/agent-to-gateway.ts';
import type { HttpApp } from '#shared/contracts/app.ts';
import type { GrantClaims } from '#shared/contracts/grant.ts';
import type { CanonicalRequest } from '#shared/wire/canonical-request.ts';
import { normalNames, type RawHeaders, toAppHeaders } from '#shared/wire/http-headers.ts';

export interface AppHeaderOrder {
  readonly app: HttpApp;
  readonly rawHeaders: readonly string[];
  readonly canonical: CanonicalRequest;
  readonly claims: GrantClaims;
  readonly identity: string;
  readonly address: string;
  /** This gateway's name in `Via`. */
  readonly via: string;
}

export function appHeaders({ app, rawHeaders, canonical, claims, identity, address, via }: AppHeaderOrder): RawHeaders {
  return toAppHeaders(rawHeaders, {
    // The host that was judged, unless the app wants one of its own (P9).
    host: app.hostHeader ?? canonical.host,
    forwarded: { clientAddress: address, proto: 'https', host: canonical.host },
    via,
    identityNames: identityNamesOf(app),
    add:
      app.identityHeaders === undefined
        ? [identityHeader, identity]
        : [identityHeader, identity, ...plainIdentity(app.identityHeaders, claims)],
  });
}

const memo = new WeakMap<HttpApp, ReadonlySet<string>>();

/** The names that the app trusts for identity: nobody else's copy of them may reach it. */
function identityNamesOf(app: HttpApp): ReadonlySet<string> {
  let names = memo.get(app);
  if (names === undefined) {
    names = normalNames(Object.keys(app.identityHeaders ?? {}));
    memo.set(app, names);
  }
  return names;
}

function plainIdentity(headers: NonNullable<HttpApp['identityHeaders']>, claims: GrantClaims): string[] {
  return Object.entries(headers).flatMap(([header, claim]) => [header, headerValue(claims, claim)]);
}

function headerValue(claims: GrantClaims, claim: 'person' | 'name' | 'groups' | 'device'): string {
  if (claim === 'person') return claims.sub;
  if (claim === 'device') return claims.did;
  if (claim === 'groups') return (claims.groups ?? []).join(',');
  // A person's name may hold anything; header values are bytes, and apps expect UTF-8 in percent-encoding at best.
  return (claims.name ?? '').replaceAll(/[^\x20-\x7e]|%/gu, (char) => encodeURIComponent(char.toWellFormed()));
}
