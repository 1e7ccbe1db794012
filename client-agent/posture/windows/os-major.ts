import { measured, type Probe, unknown } from '../probe.ts';
import { readWindowsVersion } from './read-version.ts';

export const osMajor: Probe<'osMajor'> = {
  fact: 'osMajor',
  os: 'windows',
  privilege: 'none',
  async run(host) {
    const version = await readWindowsVersion(host);
    return version === undefined ? unknown('the version of Windows is not told') : measured<'osMajor'>(version.major);
  },
};
