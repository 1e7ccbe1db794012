/**
 * How often a device may ask `/v1/me/*`. Each change is a record, of a review one for each row: whoever is signed in must neither fill the log
 * with them nor keep the controller at work for themselves alone (P11).
 */
import type { Clock } from '#shared/base/clock.ts';
import { PosternError } from '#shared/base/errors.ts';
import { myAccount } from '#shared/contracts/my-account.ts';
import type { Handlers } from '#shared/wire/serve-contract.ts';
import { DeviceBudget } from '../grants/device-budget.ts';
import type { DeviceCaller } from './authorize-peer.ts';

type Mine = Handlers<typeof myAccount, DeviceCaller>;
type Handler = (call: { readonly caller: DeviceCaller }) => unknown;

/** The handlers, each of which throws `over-budget` first for who asks too often. */
export function withinBudget(handlers: Mine, clock: Clock): Mine {
  const changes = new DeviceBudget(1, 40);
  const readings = new DeviceBudget(10, 300);
  const limited = Object.entries(handlers).map(([name, handler]) => {
    const { method } = myAccount[name as keyof Mine];
    const budget = method === 'GET' ? readings : changes;
    const run: Handler = (call) => {
      const { id } = call.caller.device;
      const retryAfterMs = budget.take(id, clock.now());
      if (retryAfterMs === 0) return (handler as Handler)(call);
      throw new PosternError('over-budget', `device ${id} asks too often about itself`, { extra: { retryAfterMs } });
    };
    return [name, run] as const;
  });
  return Object.fromEntries(limited) as unknown as Mine;
}
