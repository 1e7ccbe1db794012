/** Counter-based one-time passwords (RFC 4226), as the knock carries them. */
import { generateSync } from 'otplib';

/** Throws for a secret under 16 bytes or a counter that is not a safe integer of 0 or more. */
export function hotpCode(secret: Uint8Array, counter: number, digits: 6 | 8 = 6): string {
  return generateSync({ strategy: 'hotp', secret, counter, digits, algorithm: 'sha1' });
}
