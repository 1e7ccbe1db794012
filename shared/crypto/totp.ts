/**
 * Time-based one-time passwords (RFC 6238) as every authenticator app makes them: SHA-1, 6 digits, 30 s. A code is good
 * one step to either side, and each step is accepted once (section 5.2): the caller keeps the last accepted step in the
 * person's row and moves it by compare-and-set (P18).
 */
import { generateSecret, generateSync, generateURI, verifySync } from 'otplib';

const stepSeconds = 30;
const codePattern = /^\d{6}$/;

export type TotpVerdict = { readonly ok: true; readonly step: number } | { readonly ok: false };

/** 160 random bits as 32 characters of base32 (RFC 4226 section 4 recommends 160). */
export function newTotpSecret(): string {
  return generateSecret({ length: 20 });
}

/** The `otpauth://` address that a QR code carries. */
export function totpUri({ secret, account, issuer }: { secret: string; account: string; issuer: string }): string {
  // The colon separates issuer and account in the label, and apps split at the first one.
  const plain = (text: string) => text.replaceAll(':', ' ');
  return generateURI({
    strategy: 'totp',
    secret,
    label: plain(account),
    issuer: plain(issuer),
    algorithm: 'sha1',
    digits: 6,
    period: stepSeconds,
  });
}

export interface TotpAttempt {
  readonly secret: string;
  /** As typed; blanks and hyphens between the digits do not matter. */
  readonly code: string;
  readonly nowMs: number;
  /** The last step accepted for this secret; a code of this step or an earlier one is refused. */
  readonly afterStep?: number | undefined;
}

/** Never throws for a malformed code; throws for a stored secret that is not base32 of at least 128 bits. */
export function verifyTotp({ secret, code, nowMs, afterStep }: TotpAttempt): TotpVerdict {
  // Authenticator apps show "123 456" and people type it so.
  const token = code.length > 16 ? '' : code.replaceAll(/[\s-]/g, '');
  if (!codePattern.test(token)) return { ok: false };
  const now = Math.floor(nowMs / 1000);
  const step = Math.floor(now / stepSeconds);
  // The library takes it for a misuse, and throws, when even its whole window lies at or before the last step.
  if (afterStep !== undefined && afterStep > step) return { ok: false };
  const result = verifySync({
    strategy: 'totp',
    secret,
    token,
    epoch: now,
    period: stepSeconds,
    digits: 6,
    algorithm: 'sha1',
    epochTolerance: stepSeconds,
    ...(afterStep === undefined ? {} : { afterTimeStep: afterStep }),
  });
  return result.valid && 'timeStep' in result ? { ok: true, step: result.timeStep } : { ok: false };
}

/** The code of this moment: for the quickstart and for tests. */
export function currentTotp(secret: string, nowMs: number): string {
  return generateSync({
    strategy: 'totp',
    secret,
    epoch: Math.floor(nowMs / 1000),
    period: stepSeconds,
    digits: 6,
    algorithm: 'sha1',
  });
}
