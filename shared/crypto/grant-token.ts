/** The grant as a token: minting, reading and verifying, three steps that callers run at different moments (P16). */
import type { KeyObject } from 'node:crypto';
import { Value } from 'typebox/value';
import { PosternError } from '../base/errors.ts';
import { type GrantClaims, grantClaims, grantType, maxGrantBytes } from '../contracts/grant.ts';
import { type ParsedJws, readJws, signJws, verifyJws } from './jws.ts';

/** A grant that has the right shape. Nothing in it may be believed before `verifyGrantSignature`. */
export interface ParsedGrant extends Pick<ParsedJws, 'signingInput' | 'signature'> {
  readonly kid: string;
  readonly claims: GrantClaims;
}

/** Throws `internal` for a grant beyond 1,536 bytes: every gateway would refuse it. */
export function mintGrant(claims: GrantClaims, key: { readonly kid: string; readonly privateKey: KeyObject }): string {
  const text = signJws({ typ: grantType, kid: key.kid, payload: claims, privateKey: key.privateKey });
  if (text.length > maxGrantBytes) throw new PosternError('internal', `a grant of ${text.length} bytes is too large`);
  return text;
}

/**
 * Reads an untrusted grant. Throws `grant-malformed`, or `grant-type` for a token of another class. Judges neither
 * signature nor times nor audience: those are the gates'.
 */
export function openGrant(text: string): ParsedGrant {
  const codes = { malformed: 'grant-malformed', type: 'grant-type' } as const;
  const { header, payload, signingInput, signature } = readJws(text, {
    maxBytes: maxGrantBytes,
    typ: grantType,
    codes,
  });
  if (!Value.Check(grantClaims, payload))
    throw new PosternError('grant-malformed', 'a grant has claims of another shape');
  return { kid: header.kid, claims: payload, signingInput, signature };
}

/** Throws `grant-signature` unless `publicKey`, found by `kid` in the controller's key set, has signed it. */
export function verifyGrantSignature(parsed: ParsedGrant, publicKey: KeyObject): void {
  if (!verifyJws(parsed, publicKey)) throw new PosternError('grant-signature');
}
