/** Schemas that several contracts share. */
import { type Static, type TSchema, Type } from 'typebox';
import { addressPattern, appIdPattern, hostNamePattern, madeIdPattern, slugPattern } from '../base/known-patterns.ts';

/** Names an admin gives (people, groups, apps, sites, gateways, checks): lower case, safe in SPIFFE paths, hosts and files. */
export const slug = Type.String({ pattern: slugPattern, maxLength: 63 });
/** An app's id is also a DNS label: `<app>.localhost`. Two are the portal's and the console's sites, and no app's (P29). */
export const appId = Type.String({
  pattern: appIdPattern,
  maxLength: 63,
});
/** Identifiers that Postern makes (devices, sessions, grants, records). */
export const madeId = Type.String({ pattern: madeIdPattern });
export const text = (maxLength: number) => Type.String({ maxLength });
export const shortText = Type.String({ minLength: 1, maxLength: 200 });
export const pem = Type.String({ maxLength: 16_384 });
export const csrPem = Type.String({ maxLength: 4096 });
export const hostName = Type.String({
  pattern: hostNamePattern,
  maxLength: 253,
});
/** `host:port`, IPv6 in brackets. */
export const address = Type.String({ pattern: addressPattern, maxLength: 270 });
export const port = Type.Integer({ minimum: 1, maximum: 65_535 });
// Bounded, as whatever a double can hold beyond 2^53 is stored as an integer that cannot be read back: one such row would
// spoil every query that meets it.
/** Milliseconds since the epoch, by the controller's clock; at most what a date can be. */
export const time = Type.Integer({ minimum: 0, maximum: 8_640_000_000_000_000 });
export const durationMs = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
export const changeNumber = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
export const trace = Type.String({ pattern: '^[0-9a-f]{32}$' });

export const publicJwk = Type.Object(
  {
    kty: Type.Literal('EC'),
    crv: Type.Literal('P-256'),
    x: Type.String({ minLength: 43, maxLength: 43 }),
    y: Type.String({ minLength: 43, maxLength: 43 }),
    kid: Type.Optional(Type.String({ maxLength: 64 })),
    use: Type.Optional(Type.Literal('sig')),
    alg: Type.Optional(Type.Literal('ES256')),
  },
  { additionalProperties: false },
);
export type PublicJwk = Static<typeof publicJwk>;

/** An object with exactly these members: what is unknown is refused. */
export function strict<const P extends Record<string, TSchema>>(properties: P) {
  return Type.Object(properties, { additionalProperties: false });
}

/** One of a closed list of words. */
export function oneOf<const L extends string[]>(values: readonly [...L]) {
  return Type.Enum<L>(values);
}
