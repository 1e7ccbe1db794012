/** The distribution's name and version; the kernel's release goes into the detail. */
import { readText } from '../host.ts';
import { measured, type Probe, unknown } from '../probe.ts';
import { readOsRelease } from './read-os-release.ts';

export const osVersion: Probe<'osVersion'> = {
  fact: 'osVersion',
  os: 'linux',
  privilege: 'none',
  async run(host) {
    const release = await readOsRelease(host);
    if (release === undefined) return unknown('os-release cannot be read');
    const kernel = await readText(host, '/proc/sys/kernel/osrelease');
    return measured<'osVersion'>(
      `${release.id} ${release.versionId}`.trim(),
      kernel === undefined ? undefined : `kernel ${kernel}`,
    );
  },
};
