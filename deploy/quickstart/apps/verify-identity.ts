/**
 * All that an app must do to know who is asking behind Postern: verify one header.
 *
 * The gateway puts a short-lived JWT in `Postern-Identity` of each request, signed with its identity key. The app fetches
 * the public keys of its own gateways from its key set URL and believes nothing else: no cookie, no other header.
 */
import { createRemoteJWKSet, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose';

/** The person the gateway vouches for. */
export interface Identity {
  /** The person's id: `sub`. Stable; the name may change. */
  readonly id: string;
  readonly name: string;
  readonly groups: readonly string[];
  /** Id of the device the request came from. */
  readonly device: string;
  /** How the person signed in, RFC 8176 (`pwd`, `otp`, ...). */
  readonly amr: readonly string[];
}

/** The header is missing, or is not a valid identity for this app: answer 401. */
export class IdentityRefused extends Error {
  override readonly name = 'IdentityRefused';
}

/** The key set could not be read, so nothing can be said about the header: answer 503. */
export class KeySetUnavailable extends Error {
  override readonly name = 'KeySetUnavailable';
}

/** @param header the `Postern-Identity` header as Node gives it (two headers arrive joined, and are refused). */
export type VerifyIdentity = (header: string | string[] | undefined) => Promise<Identity>;

const headerLimit = 8 * 1024;
const gatewayId = /^spiffe:\/\/[^/]+\/gateway\/[^/]+$/;

/**
 * @param appId this app's id; an identity made for another app is refused (`aud`).
 * @param keySetUrl answers `GET` with `{"keys": [...]}`: public P-256 JWKs, each with a `kid`. Kept for a minute, fetched
 *   again at an unknown `kid`, at most every 2 seconds.
 */
export function createIdentityVerifier(appId: string, keySetUrl: string): VerifyIdentity {
  const findKey = findKeyAt(keySetUrl);
  return async (header) => {
    if (typeof header !== 'string' || header === '') throw new IdentityRefused('there is no identity');
    if (header.length > headerLimit) throw new IdentityRefused('the identity is too long');
    try {
      const { payload } = await jwtVerify(header, findKey, {
        typ: 'postern-identity+jwt',
        algorithms: ['ES256'],
        audience: appId,
        requiredClaims: ['iat', 'exp'],
        maxTokenAge: '10m',
        clockTolerance: 5,
      });
      return readIdentity(payload, appId);
    } catch (error) {
      if (error instanceof errors.JOSEError) throw new IdentityRefused(error.message, { cause: error });
      throw error;
    }
  };
}

function findKeyAt(keySetUrl: string): JWTVerifyGetKey {
  const keySet = createRemoteJWKSet(new URL(keySetUrl), {
    cooldownDuration: 2_000,
    cacheMaxAge: 60_000,
    timeoutDuration: 3_000,
  });
  return async (header, token) => {
    if (typeof header.kid !== 'string') throw new IdentityRefused('the identity names no key');
    try {
      return await keySet(header, token);
    } catch (error) {
      if (error instanceof errors.JWKSNoMatchingKey) throw error;
      throw new KeySetUnavailable(`the key set at ${keySetUrl} cannot be read`, { cause: error });
    }
  };
}

/** The signature is right; now every claim must have the promised shape. */
function readIdentity(claims: JWTPayload, appId: string): Identity {
  const { iss, aud, sub, name, groups, device, amr } = claims;
  if (aud !== appId) throw new IdentityRefused('the identity is for several apps');
  if (typeof iss !== 'string' || !gatewayId.test(iss)) throw new IdentityRefused('the issuer is not a gateway');
  if (typeof sub !== 'string' || sub === '' || typeof name !== 'string' || typeof device !== 'string') {
    throw new IdentityRefused('the identity names no person or device');
  }
  if (!isTexts(groups) || !isTexts(amr)) throw new IdentityRefused('groups and amr must be lists of text');
  return { id: sub, name, groups, device, amr };
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((entry) => typeof entry === 'string');
}
