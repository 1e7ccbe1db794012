/**
 * Last day of security updates by build, from Microsoft's lifecycle pages; Enterprise and Education have longer. Paid
 * extensions and long-term channels are not in the table: their state is unknown. Data: check yearly.
 */
import type { SupportTable } from '../support-end.ts';
import type { WindowsVersion } from './parse-version.ts';

export const windowsSupport: SupportTable = {
  'windows 19045 enterprise': '2025-10-14',
  'windows 19045': '2025-10-14',
  'windows 22000 enterprise': '2024-10-08',
  'windows 22000': '2023-10-10',
  'windows 22621 enterprise': '2025-10-14',
  'windows 22621': '2024-10-08',
  'windows 22631 enterprise': '2026-11-10',
  'windows 22631': '2025-11-11',
  'windows 26100 enterprise': '2027-10-12',
  'windows 26100': '2026-10-13',
  'windows 26200 enterprise': '2028-10-10',
  'windows 26200': '2027-10-12',
  'windows server 14393': '2027-01-12',
  'windows server 17763': '2029-01-09',
  'windows server 20348': '2031-10-14',
  'windows server 26100': '2034-10-10',
};

export function supportKey(version: WindowsVersion): string {
  if (version.server) return `windows server ${version.build}`;
  // EnterpriseS and IoTEnterpriseS are the long-term channel, with days of their own.
  if (/EnterpriseSN?(Eval)?$/.test(version.edition)) return `windows ${version.build} long-term`;
  return /^(Enterprise|Education|IoTEnterprise)/.test(version.edition)
    ? `windows ${version.build} enterprise`
    : `windows ${version.build}`;
}
