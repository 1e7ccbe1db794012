/** Judging a release by a table of the days its security updates end. */
import type { Host } from './host.ts';
import { type ProbeResult, unknown, verdict } from './probe.ts';

/** `end`: last day with free or contracted-by-default security updates, `YYYY-MM-DD`. */
export type SupportTable = Readonly<Record<string, string>>;

/**
 * Compares with the device's own clock: a device that sets it back lies about itself only, as it could about the version.
 * A release that is not in the table is unknown, never good.
 */
export function judgeSupport(table: SupportTable, release: string, host: Host): ProbeResult<'osSupported'> {
  const end = Object.hasOwn(table, release) ? table[release] : undefined;
  if (end === undefined) return unknown(`no end of support is known for "${release}"`);
  const good = host.now() < Date.parse(`${end}T23:59:59Z`);
  return verdict<'osSupported'>(good, good ? `until ${end}` : `${release} has had no updates since ${end}`);
}
