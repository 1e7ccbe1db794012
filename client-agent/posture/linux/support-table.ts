/**
 * Last day of security updates by `ID VERSION_ID` (Red Hat's family by main version). Free support only: Debian's LTS counts,
 * since it is free and on by default; Ubuntu Pro and paid extensions do not. Days of releases still in support are the
 * makers' announcements. A release that is newer than this table may tell its own day (SUPPORT_END in os-release(5), as
 * Fedora does). Data: check yearly.
 */
import type { SupportTable } from '../support-end.ts';

const enterprise = { 7: '2024-06-30', 8: '2029-05-31', 9: '2032-05-31', 10: '2035-05-31' } as const;

export const linuxSupport: SupportTable = {
  'debian 10': '2024-06-30',
  'debian 11': '2026-08-31',
  'debian 12': '2028-06-30',
  'debian 13': '2030-06-30',
  'ubuntu 18.04': '2023-05-31',
  'ubuntu 20.04': '2025-05-31',
  'ubuntu 22.04': '2027-06-01',
  'ubuntu 24.04': '2029-05-31',
  'ubuntu 24.10': '2025-07-10',
  'ubuntu 25.04': '2026-01-15',
  'ubuntu 25.10': '2026-07-09',
  'ubuntu 26.04': '2031-05-29',
  'fedora 40': '2025-05-13',
  'fedora 41': '2025-12-15',
  'fedora 42': '2026-05-13',
  'fedora 43': '2026-12-09',
  ...Object.fromEntries(
    ['rhel', 'almalinux', 'rocky', 'ol'].flatMap((id) =>
      Object.entries(enterprise).map(([major, end]) => [`${id} ${major}`, end]),
    ),
  ),
  'centos 7': '2024-06-30',
  'centos 8': '2024-05-31',
  'centos 9': '2027-05-31',
  'centos 10': '2030-05-31',
};

const byMajor = new Set(['rhel', 'almalinux', 'rocky', 'ol', 'centos', 'debian']);

export function supportKey(id: string, versionId: string): string {
  return `${id} ${byMajor.has(id) ? versionId.split('.')[0] : versionId}`;
}
