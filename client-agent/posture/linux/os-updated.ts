import type { Probe } from '../probe.ts';
import { updated } from '../update-age.ts';
import { readPending } from './pending-updates.ts';

export const osUpdated: Probe<'osUpdated'> = {
  fact: 'osUpdated',
  os: 'linux',
  privilege: 'none',
  run: async (host) => updated(await readPending(host)),
};
