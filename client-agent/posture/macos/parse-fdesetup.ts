/** `fdesetup status`. While the disk is still being encrypted, part of it lies open. */
export function parseFdesetup(output: string): boolean | undefined {
  const lines = output.split('\n').map((line) => line.trim());
  if (lines.some((line) => /^(Encryption|Decryption) in progress/.test(line))) return false;
  if (lines[0] === 'FileVault is Off.') return false;
  return lines[0] === 'FileVault is On.' ? true : undefined;
}
