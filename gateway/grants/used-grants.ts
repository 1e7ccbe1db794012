/** What the data path asks of the memory of uses (P18); `gateway/records/use-files.ts` implements it. */
import type { GrantClaims } from '#shared/contracts/grant.ts';

/** A grant for one use, by its name and its times. */
export type Usable = Pick<GrantClaims, 'jti' | 'iat' | 'exp'>;

export interface UsedGrants {
  /** Told once, before the first question: the controller's time in milliseconds from which this process serves. */
  serveFrom(at: number): void;
  /** Used at this gateway before, in whichever process; or of a time for which this memory cannot vouch. */
  has(grant: Usable): boolean;
  /**
   * Uses it up. True for one caller only, in all processes and through every restart, and only once that stands on the disk;
   * false when it was used before. Rejects when the disk does not take it: the grant is then used up for nothing.
   */
  take(grant: Usable): Promise<boolean>;
}
