/** P18: uses a grant up, on disk, before what it is for happens. Everything else about the grant has been judged. */
import type { GrantClaims } from '#shared/contracts/grant.ts';
import type { DataParts } from './data-parts.ts';

/** Why the grant cannot be used; undefined when it was used up here and now. */
export async function takeUse(
  { used, log }: Pick<DataParts, 'used' | 'log'>,
  claims: GrantClaims,
): Promise<'grant-used' | 'record-failed' | undefined> {
  try {
    return (await used.take(claims)) ? undefined : 'grant-used';
  } catch (error) {
    log.error({ err: error, grant: claims.jti }, 'a use could not be written, so it is not given');
    return 'record-failed';
  }
}
