/** P18: the one gateway of a grant for one use: the device's own first choice, so that its connections are used, among those it can reach. */
import { scoreOf } from '#shared/base/score-of.ts';
import type { GrantGiven } from '#shared/contracts/agent-to-controller.ts';

type GatewayAddress = GrantGiven['gateways'][number];

/** One of them, or none where there is none. `avoid`: ids that the device could not reach just now. */
export function chooseGateway(
  fresh: readonly GatewayAddress[],
  { device, avoid = [] }: { readonly device: string; readonly avoid?: readonly string[] | undefined },
): GatewayAddress[] {
  const reachable = fresh.filter(({ id }) => !avoid.includes(id));
  const score = ({ id }: GatewayAddress) => scoreOf(device, id);
  return (reachable.length > 0 ? reachable : fresh).toSorted((a, b) => score(a) - score(b)).slice(0, 1);
}
