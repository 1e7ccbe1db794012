import { type Probe, unknown } from '../probe.ts';
import { judgeSupport } from '../support-end.ts';
import { readWindowsVersion } from './read-version.ts';
import { supportKey, windowsSupport } from './support-table.ts';

export const osSupported: Probe<'osSupported'> = {
  fact: 'osSupported',
  os: 'windows',
  privilege: 'none',
  async run(host) {
    const version = await readWindowsVersion(host);
    if (version === undefined) return unknown('the version of Windows is not told');
    return judgeSupport(windowsSupport, supportKey(version), host);
  },
};
