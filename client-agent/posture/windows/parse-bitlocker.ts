/** The two ways to ask about BitLocker. */
import { asFields, asList } from './powershell.ts';

/**
 * `Get-BitLockerVolume`: protection on (1) and wholly encrypted (VolumeStatus 1, or 100 percent). A suspended protection
 * leaves the key in the clear on the disk.
 */
export function parseBitlocker(value: unknown): boolean | undefined {
  const volumes = asList(asFields(value)?.['volumes']);
  if (volumes === undefined || volumes.length === 0) return undefined;
  let all = true;
  for (const volume of volumes) {
    const { ProtectionStatus: protection, EncryptionPercentage: percentage } = volume;
    if (typeof protection !== 'number' || typeof percentage !== 'number') return undefined;
    if (protection !== 0 && protection !== 1) return undefined;
    if (protection !== 1 || percentage !== 100) all = false;
  }
  return all;
}

/** `System.Volume.BitLockerProtection` of the shell, which anyone may read: 1 on, 3 and 4 under way, 2 off, 5 suspended. */
export function parseShellProtection(value: unknown): boolean | undefined {
  const state = asFields(value)?.['protection'];
  if (state === 1) return true;
  return state === 2 || state === 3 || state === 4 || state === 5 || state === 0 ? false : undefined;
}
