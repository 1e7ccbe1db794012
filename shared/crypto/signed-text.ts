/** Proof of a key over a short text (P4): ECDSA P-256 with SHA-256, IEEE P1363, base64url. */
import { type KeyObject, sign, verify } from 'node:crypto';
import { fromBase64url } from '../base/bytes.ts';

/** What the last known key signs to renew a certificate that has ended. `csr` as it is sent. */
export const expiredRenewalText = (nonce: string, csr: string): string => `postern-renew-expired\n${nonce}\n${csr}`;

/** What the old key signs when a device changes its key. */
export const rekeyText = (csr: string): string => `postern-rekey\n${csr}`;

export function signText(privateKey: KeyObject, text: string): string {
  return sign('sha256', Buffer.from(text), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url');
}

/** False for anything but one canonical signature of this very text. */
export function isTextSigned(publicKey: KeyObject, text: string, signature: string): boolean {
  const bytes = fromBase64url(signature);
  if (bytes?.length !== 64) return false;
  return verify('sha256', Buffer.from(text), { key: publicKey, dsaEncoding: 'ieee-p1363' }, bytes);
}
