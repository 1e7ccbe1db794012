/** Judging a release by a table of the days its security updates end. */
import type { Host } from './host.ts';
import { type ProbeResult, unknown, verdict } from './probe.ts';

/** `end`: last day with free or contracted-by-default security updates, `YYYY-MM-DD`. */
export type SupportTable = Readonly<Record<string, string>>;

/**
 * Compares with the device's own clock: a device that sets it back lies about itself only, as it could about the version.
 * The table is asked first, then the day that the system itself announces; a release with neither is unknown, never good.
 */
export function judgeSupport(
  table: SupportTable,
  release: string,
  host: Host,
  announced?: string,
): ProbeResult<'osSupported'> {
  const end = Object.hasOwn(table, release) ? table[release] : announced;
  if (end === undefined) return unknown(`no end of support is known for "${release}"`);
  const good = host.now() < Date.parse(`${end}T23:59:59Z`);
  return verdict<'osSupported'>(good, good ? `until ${end}` : `${release} has had no updates since ${end}`);
}
