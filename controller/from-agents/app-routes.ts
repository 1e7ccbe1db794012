/** `GET /v1/apps` and `GET /v1/device`: what a device may know of itself and of its person's apps. */
import type { Clock } from '#shared/base/clock.ts';
import { PosternError } from '#shared/base/errors.ts';
import { type agentToController, deviceState } from '#shared/contracts/agent-to-controller.ts';
import { type FrontDoor, tellDoor } from '#shared/contracts/knock.ts';
import type { Handlers } from '#shared/wire/serve-contract.ts';
import type { Decider } from '../grants/decider.ts';
import { DeviceBudget } from '../grants/device-budget.ts';
import { listApps } from '../grants/list-apps.ts';
import { readPostureSettings } from '../posture/posture-settings.ts';
import type { Db } from '../store/open-store.ts';
import { devicePeer, type SignedInCaller } from './grant-routes.ts';

export interface AppParts {
  readonly db: Db;
  readonly clock: Clock;
  readonly decider: Decider;
  readonly organisation: string;
  /** What stands in front of the controller now. */
  readonly door?: (() => FrontDoor) | undefined;
}

type Routes = Pick<Handlers<typeof agentToController, SignedInCaller>, 'apps' | 'device'>;

export function appRoutes(parts: AppParts): Routes {
  const { db, clock, decider, organisation, door } = parts;
  // A list costs dozens of decisions for each app, on the one thread that decides for everybody.
  const budget = new DeviceBudget(1, 20);
  return {
    apps: async ({ peer, caller, request }) => {
      const address = request.raw.socket.remoteAddress ?? '';
      const { id } = devicePeer(peer);
      const retryAfterMs = budget.take(id, clock.now());
      if (retryAfterMs > 0)
        throw new PosternError('over-budget', `device ${id} asks for its apps too often`, { extra: { retryAfterMs } });
      const ask = { device: id, session: caller.session?.id, address };
      return { apps: await listApps(db, decider, ask, clock.now()) };
    },

    device: async ({ peer }) => {
      const { id } = devicePeer(peer);
      const row = await db
        .selectFrom('devices')
        .innerJoin('people', 'people.id', 'devices.person_id')
        .select([
          'devices.name',
          'devices.state',
          'ownership',
          'fingerprint',
          'people.id as person',
          'people.name as who',
        ])
        .where('devices.id', '=', id)
        .executeTakeFirst();
      if (row === undefined) throw new PosternError('not-found', `there is no device ${id}`);
      const settings = await readPostureSettings(db);
      return {
        id,
        name: row.name,
        state: oneOfThese(deviceState.enum, row.state, 'suspended'),
        ownership: oneOfThese(['company', 'personal', 'unknown'], row.ownership, 'unknown'),
        person: { id: row.person, name: row.who },
        fingerprint: row.fingerprint,
        organisation,
        postureSeconds: settings.reportSeconds,
        checks: [...settings.checks],
        ...(door === undefined ? {} : { door: tellDoor(door()) }),
        time: clock.now(),
      };
    },
  };
}

function oneOfThese<const W extends string>(words: readonly W[], word: string, otherwise: W): W {
  return words.find((known) => known === word) ?? otherwise;
}
