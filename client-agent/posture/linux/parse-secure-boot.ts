/** The UEFI variable SecureBoot as efivarfs shows it: 4 bytes of attributes, then one byte, 1 for on (UEFI 2.10, 3.3). */
export function parseSecureBoot(bytes: Uint8Array): boolean | undefined {
  if (bytes.length !== 5) return undefined;
  return bytes[4] === 1 ? true : bytes[4] === 0 ? false : undefined;
}
