/** Whether the system's resolver really asks the agent for a zone: by the start of authority that nobody else gives. */
import { Resolver } from 'node:dns/promises';
import { second } from '#shared/base/clock.ts';

/** `server`: `host:port` to ask instead of the system's. Undefined where it cannot be told by asking (macOS, Windows). */
export async function answersForZone(zone: string, server?: string): Promise<boolean | undefined> {
  if (server === undefined && process.platform !== 'linux') return undefined;
  const resolver = new Resolver({ timeout: second, tries: 2 });
  if (server !== undefined) resolver.setServers([server]);
  try {
    const soa = await resolver.resolveSoa(zone);
    return soa.nsname === 'localhost' && soa.hostmaster === 'nobody.invalid';
  } catch {
    return false;
  }
}
