/** After a sign-in: what others did to the account since the one before (P5). */
import type { CliCall } from '#shared/base/cli.ts';
import { safeText } from '#shared/base/print-table.ts';
import type { myAccount } from '#shared/contracts/my-account.ts';
import type { AnswerOf } from '#shared/contracts/route.ts';
import type { Control } from '../control/open-control.ts';
import { ago } from './words.ts';

/** Says nothing when they cannot be read: the sign-in has gone well all the same, and `postern notices` says why. */
export async function tellNotices({ io }: CliCall, { calls }: Control): Promise<void> {
  const found = await calls.account({ body: { call: 'notices' } }).catch(() => undefined);
  const { notices } = (found?.answer ?? { notices: [] }) as AnswerOf<(typeof myAccount)['notices']>;
  for (const { at, what } of notices.filter((notice) => notice.new)) {
    io.err(`Note, ${ago(Date.now() - at)}: ${safeText(what)}`);
  }
}
