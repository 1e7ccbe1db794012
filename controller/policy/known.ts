/** What exists in an organisation, as far as policies and their tests can name it. Plain data: it crosses to a worker. */
import type { HttpApp, TcpApp } from '#shared/contracts/app.ts';

type Named = 'id' | 'kind' | 'site' | 'groups';
export type KnownApp = Pick<HttpApp, Named | 'hosts' | 'operations' | 'allowSpellings'> | Pick<TcpApp, Named>;

export interface Known {
  /** Undefined: not known, as away from a controller; then names of people are not looked up. */
  readonly people: ReadonlySet<string> | undefined;
  /** Each with the groups that it is in. */
  readonly groups: ReadonlyMap<string, readonly string[]>;
  readonly apps: ReadonlyMap<string, KnownApp>;
  readonly appGroups: ReadonlySet<string>;
  /** Checks of the organisation (P31), by id. */
  readonly checks: ReadonlySet<string>;
  /** IANA name. */
  readonly timezone: string;
}

/** A group and all that it is in, however deep. */
export function withParents(groups: readonly string[], known: Pick<Known, 'groups'>): string[] {
  const found = new Set(groups);
  for (const group of found) for (const parent of known.groups.get(group) ?? []) found.add(parent);
  return [...found];
}
