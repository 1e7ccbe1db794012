/** The first number of the distribution's version; rolling releases have none. */
import { measured, type Probe, unknown } from '../probe.ts';
import { readOsRelease } from './read-os-release.ts';

export const osMajor: Probe<'osMajor'> = {
  fact: 'osMajor',
  os: 'linux',
  privilege: 'none',
  async run(host) {
    const major = /^\d{1,6}/.exec((await readOsRelease(host))?.versionId ?? '')?.[0];
    return major === undefined ? unknown('the release has no number') : measured<'osMajor'>(Number(major));
  },
};
