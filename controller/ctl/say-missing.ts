/** On standard error: what of the time that was asked about is not there, or may be there by mistake. */
import type { CliCall } from '#shared/base/cli.ts';
import type { MisdatedShown, PrunedShown } from '#shared/contracts/admin-search.ts';
import { sayPruned } from './retention-commands.ts';
import { sayMisdated } from './say-misdated.ts';
import { plural } from './show.ts';

export interface Missing {
  readonly unreadable?: number;
  readonly pruned?: PrunedShown;
  readonly misdated?: MisdatedShown;
}

export function sayMissing({ io }: CliCall, { unreadable = 0, pruned, misdated }: Missing): void {
  if (unreadable > 0)
    io.err(
      `${plural(unreadable, 'record')} cannot be read: what they would tell is missing here (posternctl log verify)`,
    );
  if (pruned !== undefined) io.err(sayPruned(pruned));
  if (misdated !== undefined) io.err(sayMisdated(misdated));
}
