/** `POST /v1/posture`: also from a device without a session, so that its facts are fresh when somebody signs in. */
import { PosternError } from '#shared/base/errors.ts';
import type { agentToController } from '#shared/contracts/agent-to-controller.ts';
import type { Handlers } from '#shared/wire/serve-contract.ts';
import { DeviceBudget } from '../grants/device-budget.ts';
import { type PostureParts, takeReport } from '../posture/take-report.ts';
import { devicePeer, type SignedInCaller } from './grant-routes.ts';

type Routes = Pick<Handlers<typeof agentToController, SignedInCaller>, 'posture'>;

export function postureRoutes(parts: PostureParts): Routes {
  // A report costs a signature check and a dozen rows: one a second is many.
  const budget = new DeviceBudget(1, 10);
  return {
    posture: async ({ peer, body, trace }) => {
      const device = devicePeer(peer);
      const retryAfterMs = budget.take(device.id, parts.clock.now());
      if (retryAfterMs > 0)
        throw new PosternError('over-budget', `device ${device.id} reports too often`, {
          tell: 'This device reports too often.',
          extra: { retryAfterMs },
        });
      const { accepted, facts } = await takeReport(parts, { text: body.report, peer: device, trace });
      return { accepted, facts: [...facts] };
    },
  };
}
