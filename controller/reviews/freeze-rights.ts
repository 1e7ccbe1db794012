/** The rights of a moment with when each was last used and since when it is held: what a review is made of. */
import type { OnProgress } from '../analysis/replay.ts';
import type { Db } from '../store/open-store.ts';
import { type RightHeld, type RightsWanted, rightsNow } from './rights-now.ts';
import { type RightTimes, timesOfRights } from './since-when.ts';

export interface Frozen {
  readonly epoch: number;
  /** By person, then app. */
  readonly rights: readonly (RightHeld & RightTimes)[];
}

export async function freezeRights(db: Db, wanted: RightsWanted, onProgress?: OnProgress): Promise<Frozen> {
  const { epoch, rights } = await rightsNow(db, wanted, onProgress);
  const times = await timesOfRights(db, rights);
  return { epoch, rights: rights.map((right, index) => ({ ...right, ...times[index] })) };
}
