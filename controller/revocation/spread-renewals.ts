/** P14: how long agents are asked to take over renewing what was taken back in one moment. */
import { second } from '#shared/base/clock.ts';
import type { StreamChange } from '#shared/contracts/gateway-to-controller.ts';

/** Half of what one core issues (`npm run bench -- grants`): the other half is for everybody else. */
export const renewalsPerSecond = 1000;
/** As long as an agent holds a request for it. */
const most = 30 * second;
/** A moment that nobody waits for. */
const least = 100;

/** The change that tells the gateways; none for few grants. */
export function spreadRenewals(grants: number): StreamChange[] {
  const ms = Math.min(most, Math.ceil((grants / renewalsPerSecond) * second));
  return ms < least ? [] : [{ kind: 'spread', ms }];
}
