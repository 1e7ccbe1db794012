/** The headers an app sees: what the client may say, what this gateway says about the client, and who it is. */
import { identityHeader } from '#shared/contracts/agent-to-gateway.ts';
import type { HttpApp } from '#shared/contracts/app.ts';
import type { GrantClaims } from '#shared/contracts/grant.ts';
import type { CanonicalRequest } from '#shared/wire/canonical-request.ts';
import { forwardedHeaders, normalNames, type RawHeaders, toAppHeaders } from '#shared/wire/http-headers.ts';

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

export function appHeaders(order: AppHeaderOrder): RawHeaders {
  const { app, rawHeaders, canonical, via } = order;
  return toAppHeaders(rawHeaders, {
    // The host that was judged, unless the app wants one of its own (P9).
    host: app.hostHeader ?? canonical.host,
    via,
    identityNames: identityNamesOf(app),
    add: saidOf(order),
  });
}

/** What this gateway says is the same for every request under a grant, as long as it comes from there and goes there. */
interface Said {
  readonly app: HttpApp;
  readonly host: string;
  readonly address: string;
  readonly identity: string;
  readonly headers: RawHeaders;
}

// Keyed by the claims object, which lives in the grant cache: what the cache forgets is forgotten here too.
const said = new WeakMap<GrantClaims, Said>();

function saidOf({ app, canonical: { host }, claims, identity, address }: AppHeaderOrder): RawHeaders {
  const known = said.get(claims);
  if (known?.app === app && known.host === host && known.address === address && known.identity === identity)
    return known.headers;
  const headers = [
    ...forwardedHeaders({ clientAddress: address, proto: 'https', host }),
    ...[identityHeader, identity],
    ...plainIdentity(app.identityHeaders ?? {}, claims),
  ];
  said.set(claims, { app, host, address, identity, headers });
  return headers;
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
