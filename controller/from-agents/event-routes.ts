/** `GET /v1/events`: also for a device without a session, so that it learns when it was approved or suspended. */
import { PosternError } from '#shared/base/errors.ts';
import type { agentToController } from '#shared/contracts/agent-to-controller.ts';
import type { Handlers } from '#shared/wire/serve-contract.ts';
import type { Db } from '../store/open-store.ts';
import type { AgentEvents } from './agent-events.ts';

export function eventRoutes(parts: { readonly db: Db; readonly events: AgentEvents }) {
  return {
    events: async ({ peer, start }) => {
      if (peer?.role !== 'device') throw new PosternError('role-refused', 'not a device');
      const device = await parts.db.selectFrom('devices').select('id').where('id', '=', peer.id).executeTakeFirst();
      if (device === undefined) throw new PosternError('role-refused', `no device ${peer.id}`);
      await parts.events.serve(start(), device.id);
    },
  } satisfies Partial<Handlers<typeof agentToController, unknown>>;
}
