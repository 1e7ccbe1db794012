import type { Probe } from '../probe.ts';
import { patchAge } from '../update-age.ts';
import { readPending } from './pending-updates.ts';

export const patchAgeDays: Probe<'patchAgeDays'> = {
  fact: 'patchAgeDays',
  os: 'linux',
  privilege: 'none',
  run: async (host) => patchAge(await readPending(host)),
};
