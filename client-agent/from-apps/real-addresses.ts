/** A loopback address for each host name of an app: the same again after a restart, and another where somebody else has it. Pure. */
import { createHash } from 'node:crypto';

/**
 * Number `attempt` of the addresses for a name, in 127.64.0.0/10. `salt` differs between profiles, which may have the same names
 * beside each other on one machine.
 */
export function addressFor(salt: string, host: string, attempt: number): string {
  const hash = createHash('sha256').update(`${salt}\n${host}\n${attempt}`).digest();
  return `127.${64 + (hash[0]! & 63)}.${hash[1]!}.${1 + (hash[2]! % 254)}`;
}
