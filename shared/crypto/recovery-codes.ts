/**
 * Recovery codes: ten one-time substitutes for a lost second factor, printed and kept on paper. 80 random bits each, so a
 * plain SHA-256 at rest is enough: there is nothing to guess that salt or slow hashing would protect.
 */
import { randomId, sha256 } from '../base/bytes.ts';

const codeCount = 10;
const codeChars = 16;
const codePattern = /^[0-9a-hjkmnp-tv-z]{16}$/;

/** Ten codes like `7k2m-p9qx-04tw-hc8v`, in Crockford's alphabet (no i, l, o, u). Shown once. */
export function makeRecoveryCodes(): string[] {
  return Array.from({ length: codeCount }, () => randomId(codeChars).replaceAll(/(.{4})(?!$)/g, '$1-'));
}

/**
 * The one spelling of a code as typed: case, blanks and hyphens do not matter, o is 0, i and l are 1 (Crockford).
 * Undefined for what can be no code.
 */
export function normalizeRecoveryCode(typed: string): string | undefined {
  if (typed.length > 64) return undefined;
  const plain = typed.toLowerCase().replaceAll(/[\s-]/g, '').replaceAll('o', '0').replaceAll(/[il]/g, '1');
  return codePattern.test(plain) ? plain : undefined;
}

/** What is stored and looked up: SHA-256 of the normal form as base64url. Undefined for what can be no code. */
export function hashRecoveryCode(typed: string): string | undefined {
  const plain = normalizeRecoveryCode(typed);
  return plain === undefined ? undefined : sha256('postern recovery code\0', plain).toString('base64url');
}
