/**
 * `Postern-Identity` (P23): who asks, signed for one app by this gateway's identity key. Minted once per grant and lives no
 * longer than the grant.
 */
import { seconds } from '#shared/base/clock.ts';
import { type GrantClaims, identityType } from '#shared/contracts/grant.ts';
import { signJws } from '#shared/crypto/jws.ts';
import type { IdentityKey } from '../keystore/key-files.ts';

export class IdentityMinter {
  readonly #issuer: string;
  readonly #key: IdentityKey;
  // Keyed by the claims object, which lives in the grant cache: what the cache forgets is forgotten here too.
  readonly #minted = new WeakMap<GrantClaims, string>();

  /** `issuer`: SPIFFE id of this gateway. */
  constructor(issuer: string, key: IdentityKey) {
    this.#issuer = issuer;
    this.#key = key;
  }

  /** `at`: controller time in milliseconds. */
  mint(claims: GrantClaims, at: number): string {
    const known = this.#minted.get(claims);
    if (known !== undefined) return known;
    const { kid, privateKey } = this.#key;
    const payload = { iss: this.#issuer, ...assertedOf(claims), iat: seconds(at) };
    const token = signJws({ typ: identityType, kid, payload, privateKey });
    this.#minted.set(claims, token);
    return token;
  }
}

function assertedOf({ app, sub, name, groups, did, amr, exp, jti }: GrantClaims) {
  return {
    aud: app,
    sub,
    ...(name === undefined ? {} : { name }),
    ...(groups === undefined ? {} : { groups }),
    device: did,
    amr,
    exp,
    jti,
  };
}
