/**
 * `Get-NetFirewallProfile` of the active store: Domain, Private and Public, each on (1) and not letting everything in
 * (DefaultInboundAction 2 is Allow; 0, not configured, blocks).
 */
import { asFields, asList } from './powershell.ts';

export function parseFirewallProfiles(value: unknown): boolean | undefined {
  const profiles = asList(asFields(value)?.['profiles']);
  if (profiles === undefined || profiles.length !== 3) return undefined;
  if (new Set(profiles.map((profile) => profile['Name'])).size !== 3) return undefined;
  let all = true;
  for (const { Enabled: enabled, DefaultInboundAction: action } of profiles) {
    if (typeof enabled !== 'number' || typeof action !== 'number') return undefined;
    if (![0, 1, 2].includes(enabled) || ![0, 2, 4].includes(action)) return undefined;
    if (enabled !== 1 || action === 2) all = false;
  }
  return all;
}
