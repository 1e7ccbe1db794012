import { measured, type Probe, unknown } from '../probe.ts';
import { readMacVersion } from './read-version.ts';

export const osVersion: Probe<'osVersion'> = {
  fact: 'osVersion',
  os: 'macos',
  privilege: 'none',
  async run(host) {
    const version = await readMacVersion(host);
    return version === undefined ? unknown('sw_vers gave no version') : measured<'osVersion'>(version.text);
  },
};
