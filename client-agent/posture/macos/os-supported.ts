import { type Probe, unknown } from '../probe.ts';
import { judgeSupport, type SupportTable } from '../support-end.ts';
import { readMacVersion } from './read-version.ts';

/**
 * Apple announces no days: it mends the three newest main versions, so a version ends with the autumn release that makes
 * it the fourth. Future days are estimates by that habit. Data: check yearly.
 */
const macosSupport: SupportTable = {
  'macos 11': '2023-09-26',
  'macos 12': '2024-09-16',
  'macos 13': '2025-09-15',
  'macos 14': '2026-09-30',
  'macos 15': '2027-09-30',
  'macos 26': '2028-09-30',
  'macos 27': '2029-09-30',
};

export const osSupported: Probe<'osSupported'> = {
  fact: 'osSupported',
  os: 'macos',
  privilege: 'none',
  async run(host) {
    const version = await readMacVersion(host);
    if (version === undefined) return unknown('sw_vers gave no version');
    return judgeSupport(macosSupport, `macos ${version.major}`, host);
  },
};
