/** What a recorded address is: 4, 6, or 0 for what is no address (a name, or nothing that was known). */
import { addressToBytes } from '#shared/base/address-bytes.ts';

export function addressKind(text: string): 0 | 4 | 6 {
  if (text.includes('%') || addressToBytes(text) === undefined) return 0;
  return text.includes(':') ? 6 : 4;
}
