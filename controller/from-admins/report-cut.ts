/** What publishing took back, gateway by gateway (P16). */
import type { Published } from '../publishing/publish.ts';
import type { AdminParts } from './admin-parts.ts';

export const reportCut =
  ({ cuts }: Pick<AdminParts, 'cuts'>) =>
  ({ change, after, at, revoked }: Published) =>
    cuts.report({ n: change, after, at, grants: revoked.length, sessions: 0 });
