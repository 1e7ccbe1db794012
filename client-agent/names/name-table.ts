/** Which names exist in the zones of this device: those of this person's apps and nothing else (P12). Pure. */
import type { AppListed } from '#shared/contracts/agent-to-controller.ts';

/** `exists`: the name is there; `address` is its IPv4 address, unless only names below it are. All lower case, without a dot at the end. */
export type Found =
  | { readonly kind: 'outside' }
  | { readonly kind: 'absent'; readonly zone: string }
  | { readonly kind: 'exists'; readonly zone: string; readonly address?: string };

export interface NameTable {
  find(name: string): Found;
}

/** The zone that a name is in, the longest one where zones lie within each other. */
export function zoneOf(zones: readonly string[], name: string): string | undefined {
  let best: string | undefined;
  for (const zone of zones) {
    const isIn = name === zone || name.endsWith(`.${zone}`);
    if (isIn && (best === undefined || zone.length > best.length)) best = zone;
  }
  return best;
}

/** Host names of apps that lie in a zone, each once, in the order of the list. */
export function namesInZones(zones: readonly string[], apps: readonly AppListed[]): string[] {
  const hosts = apps.flatMap((app) => app.hosts).filter((host) => zoneOf(zones, host) !== undefined);
  return [...new Set(hosts)];
}

/** `addressOf`: undefined for a name that has no address, which then exists without one. */
export function makeNameTable(
  zones: readonly string[],
  apps: readonly AppListed[],
  addressOf: (host: string) => string | undefined,
): NameTable {
  const names = new Map<string, string | undefined>();
  const above = new Set<string>(zones);
  for (const host of namesInZones(zones, apps)) {
    names.set(host, addressOf(host));
    // RFC 8020: a resolver may take NXDOMAIN for a name as one for all names below it.
    const zone = zoneOf(zones, host)!;
    for (let name = parentOf(host); name.length > zone.length; name = parentOf(name)) above.add(name);
  }
  return {
    find(name) {
      const zone = zoneOf(zones, name);
      if (zone === undefined) return { kind: 'outside' };
      const address = names.get(name);
      if (address !== undefined) return { kind: 'exists', zone, address };
      return names.has(name) || above.has(name) ? { kind: 'exists', zone } : { kind: 'absent', zone };
    },
  };
}

const parentOf = (name: string): string => name.slice(name.indexOf('.') + 1 || name.length);
