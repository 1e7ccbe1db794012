/** The order of gateways that each device has for itself (rendezvous hashing): the lowest score is its first choice. */
import { sha256 } from './bytes.ts';

export function scoreOf(device: string, gateway: string): number {
  return sha256(`${device} ${gateway}`).readUInt32BE();
}
