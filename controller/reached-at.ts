/** Under which addresses others reach the listeners of this controller. */
import { hostname } from 'node:os';
import type { ControllerConfig } from './config.ts';

export type Door = 'bootstrap' | 'mutual';

/** What peers are told: as configured, else the host listened on, or this machine's name, with the port. */
export function reachedAt({ listen, addresses }: ControllerConfig, door: Door, port: number): string {
  return addresses[door] ?? hostAndPort(listen.host, port);
}

/** The same for API clients. */
export function servicesAt({ services }: ControllerConfig, port: number): string {
  return services.address ?? hostAndPort(services.host, port);
}

function hostAndPort(listened: string, port: number): string {
  const isAny = listened === '0.0.0.0' || listened === '::';
  const host = isAny ? hostname().toLowerCase() : listened;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
