import { type Probe, unknown } from '../probe.ts';
import { judgeSupport } from '../support-end.ts';
import { readOsRelease } from './read-os-release.ts';
import { linuxSupport, supportKey } from './support-table.ts';

export const osSupported: Probe<'osSupported'> = {
  fact: 'osSupported',
  os: 'linux',
  privilege: 'none',
  async run(host) {
    const release = await readOsRelease(host);
    if (release === undefined) return unknown('os-release cannot be read');
    return judgeSupport(linuxSupport, supportKey(release.id, release.versionId), host, release.supportEnd);
  },
};
