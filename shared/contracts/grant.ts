/**
 * The grant: the signed, short-lived authorization of one person on one device for one app.
 * A compact JWS, ES256, `typ: postern-grant+jwt`, at most 1,536 bytes.
 */
import { type Static, Type } from 'typebox';
import { appId, changeNumber, madeId, oneOf, shortText, slug, strict } from './common.ts';

export const grantType = 'postern-grant+jwt';
export const identityType = 'postern-identity+jwt';
export const keySetType = 'postern-keyset+jwt';
export const maxGrantBytes = 1536;

/** Seconds. An app may set its own within the limits; a gateway refuses a longer one (P19). */
export const grantLife = { default: 60, least: 5, most: 300 } as const;
/** Seconds that a live stream may outlive its last grant while the next is on its way (P15). Never admits a new request. */
export const streamGrace = 5;
/** Seconds that an `iat` may lie ahead of the gateway's controller time (P19). */
export const iatLeeway = 5;
/** Seconds after which nothing runs anywhere on a grant that is alive now. */
export const grantReach = grantLife.most + streamGrace + iatLeeway;

/** One exact request in its canonical form (P9). */
export const exactRequest = strict({
  method: Type.String({ minLength: 1, maxLength: 32 }),
  host: Type.String({ minLength: 1, maxLength: 253 }),
  path: Type.String({ minLength: 1, maxLength: 1024 }),
  query: Type.String({ maxLength: 1024 }),
});
export type ExactRequest = Static<typeof exactRequest>;

export const rulesVersion = 2;

/** An undecided condition: JSON whose one canonical form `shared/cedar/residual-form.ts` tells. */
export type ResidualForm = boolean | string | number | readonly ResidualForm[];

/**
 * One policy that can still matter. Without `if` it holds whatever the request is; with it, where that residual, which
 * looks at nothing but `request` and `network`, is true.
 */
export const ruleTerm = strict({
  /** Its number, from 0, among the policies of the version that `epoch` names. */
  p: Type.Integer({ minimum: 0, maximum: 9999 }),
  if: Type.Optional(Type.Unsafe<ResidualForm>(Type.Unknown())),
});
export type RuleTerm = Static<typeof ruleTerm>;

/**
 * What could not be decided yet, judged by the gateway for each request: it passes only if some permit is exactly true and
 * every forbid exactly false (P7). With `exact`, for this one request alone (HEAD judged as GET). A gateway refuses a
 * version, a member or a residual that it does not know.
 */
export const grantRules = strict({
  v: Type.Literal(rulesVersion),
  exact: Type.Optional(exactRequest),
  permits: Type.Array(ruleTerm, { maxItems: 128 }),
  forbids: Type.Array(ruleTerm, { maxItems: 128 }),
  /**
   * Of a grant for many: permits that are for one use at a time (P18). A request for which one of them is not exactly false is
   * refused here, and granted by itself.
   */
  once: Type.Optional(Type.Array(ruleTerm, { minItems: 1, maxItems: 128 })),
});
export type GrantRules = Static<typeof grantRules>;

export const grantAction = oneOf(['request', 'connect']);
export type GrantAction = Static<typeof grantAction>;

export const grantUse = oneOf(['many', 'once']);
export type GrantUse = Static<typeof grantUse>;

const unixSeconds = Type.Integer({ minimum: 0, maximum: 4_294_967_295 });

export const grantClaims = strict({
  /** SPIFFE id of the controller's trust domain: `spiffe://<trust domain>`. */
  iss: shortText,
  /** The site whose gateways accept it; of a grant for one use the id of the one gateway that does (P18). */
  aud: slug,
  sub: slug,
  did: madeId,
  sid: madeId,
  app: appId,
  act: grantAction,
  jti: madeId,
  iat: unixSeconds,
  exp: unixSeconds,
  /** RFC 7800: RFC 7638 thumbprint of the device key of the handshake in which it was asked for. */
  cnf: strict({ jkt: Type.String({ minLength: 43, maxLength: 43 }) }),
  auth_time: unixSeconds,
  amr: Type.Array(Type.String({ maxLength: 16 }), { maxItems: 8 }),
  /** Change number read with the facts (P13). A revocation with a higher one takes this grant back. */
  seen: changeNumber,
  /** Policy version it was decided by. */
  epoch: changeNumber,
  /**
   * `once`: for one request, or one connection, and no second. Its `rules` are for one exact request; not those of a TCP app, whose
   * one host and port are all there is.
   */
  use: grantUse,
  /** Any shape here: what a gateway does not know it refuses by a code of its own (`rules-unknown`), not as malformed. */
  rules: Type.Unsafe<GrantRules>(Type.Object({})),
  /** Shown to the app in `Postern-Identity`; never used for a decision at the gateway. */
  name: Type.Optional(Type.String({ maxLength: 100 })),
  groups: Type.Optional(Type.Array(slug, { maxItems: 16 })),
});
export type GrantClaims = Static<typeof grantClaims>;
