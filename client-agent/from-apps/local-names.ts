/** The names of the local side (P29): each app and the portal are a site of their own below `localhost`. Pure. */

export const portalLabel = 'postern';
/** Reserved on every local site, never forwarded. */
export const localPathPrefix = '/.postern-local/';

export type LocalName =
  | { readonly kind: 'portal' }
  | { readonly kind: 'app'; readonly id: string }
  /** `localhost` itself, where nothing but the PAC file is. */
  | { readonly kind: 'bare' };

/**
 * What a Host names at `port`, undefined for everything else: another port, an address (`127.0.0.1` would put all apps on one
 * site), a name that a stranger's DNS points here.
 */
export function readLocalName(host: string, port: number): LocalName | undefined {
  const suffix = port === 80 ? '' : `:${port}`;
  const lower = host.toLowerCase();
  if (!lower.endsWith(`localhost${suffix}`)) return undefined;
  const name = lower.slice(0, lower.length - suffix.length);
  if (name === 'localhost') return { kind: 'bare' };
  const label = /^([a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)\.localhost$/.exec(name)?.[1];
  if (label === undefined) return undefined;
  return label === portalLabel ? { kind: 'portal' } : { kind: 'app', id: label };
}

/** `http://wiki.localhost:7070`. */
export function localOrigin(label: string, port: number): string {
  return `http://${label}.localhost${port === 80 ? '' : `:${port}`}`;
}

/** A path on the same site to go to, or `/`: never an address of elsewhere (`//host`, `/\host`) and never a part of a header. */
export function safeReturnPath(path: string | null | undefined): string {
  if (path === null || path === undefined || path.length > 2048) return '/';
  return /^\/(?![/\\])[\x21-\x7e]*$/.test(path) && !path.startsWith(localPathPrefix) ? path : '/';
}
