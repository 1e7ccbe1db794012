/** `/v1/me/*`: people's own factors, devices, sessions and recent access. Nothing here names another person. */
import { PosternError } from '#shared/base/errors.ts';
import type { DeviceState } from '#shared/contracts/agent-to-controller.ts';
import type { myAccount } from '#shared/contracts/my-account.ts';
import type { AccessRecord } from '#shared/contracts/record.ts';
import type { Handlers } from '#shared/wire/serve-contract.ts';
import { setDeviceState } from '../identity/device-state.ts';
import type { IdentityParts } from '../identity/identity-parts.ts';
import * as mine from '../identity/my-factors.ts';
import { listNotices } from '../identity/my-notices.ts';
import { endSessions, sessionIdleMs } from '../identity/sessions.ts';
import { readColumns, readRow } from '../log/read-row.ts';
import type { DeviceCaller } from './authorize-peer.ts';
import { withinBudget } from './my-budget.ts';
import { reviewRoutes } from './review-routes.ts';

const defaultLimit = 50;
/** What concerns the person; administrative records about them are the auditors'. */
const shownKinds = ['access', 'grant', 'sign-in', 'session', 'factor', 'enrolment', 'device'];

const meOf = ({ session, origin }: DeviceCaller): mine.Me => ({ session: session!, origin });

export function meRoutes(parts: IdentityParts): Handlers<typeof myAccount, DeviceCaller> {
  const { store, clock } = parts;
  const { db } = store;
  const handlers: Handlers<typeof myAccount, DeviceCaller> = {
    ...reviewRoutes(parts),
    me({ caller: { person, session } }) {
      const now = clock.now();
      const { secondFactorAt, endsAt, lastActiveAt, methods, id } = session!;
      return {
        person: { id: person.id, name: person.name },
        session: id,
        amr: [...methods],
        expiresInMs: Math.max(0, endsAt - now),
        idleInMs: Math.max(0, lastActiveAt + sessionIdleMs - now),
        ...(secondFactorAt === undefined ? {} : { secondFactorAgeMs: Math.max(0, now - secondFactorAt) }),
      };
    },
    factors: async ({ caller }) => ({ factors: await mine.listFactors(db, caller.person.id) }),
    changePassword: ({ caller, body }) => mine.changePassword(parts, meOf(caller), body),
    addTotp: ({ caller }) => mine.addTotp(parts, meOf(caller)),
    confirmTotp: ({ caller, params, body }) => mine.confirmTotp(parts, meOf(caller), { ...params, ...body }),
    removeFactor: ({ caller, params }) => mine.removeFactor(parts, meOf(caller), params.id),
    recoveryCodes: async ({ caller }) => ({ codes: await mine.renewRecoveryCodes(parts, meOf(caller)) }),
    async devices({ caller }) {
      const rows = await db
        .selectFrom('devices')
        .selectAll()
        .where('person_id', '=', caller.person.id)
        .where('state', '!=', 'gone')
        .orderBy('enrolled_at')
        .execute();
      const devices = rows.map((row) => ({
        id: row.id,
        name: row.name,
        os: row.os,
        state: row.state as DeviceState,
        enrolledAt: row.enrolled_at,
        ...(row.last_seen_at === null ? {} : { lastSeenAt: row.last_seen_at }),
        here: row.id === caller.device.id,
        fingerprint: row.fingerprint,
      }));
      return { devices };
    },
    async removeDevice({ caller, params: { id } }) {
      await db.transaction().execute(async (trx) => {
        const row = await trx
          .selectFrom('devices')
          .select('state')
          .where('id', '=', id)
          .where('person_id', '=', caller.person.id)
          .executeTakeFirst();
        // P12: somebody else's device is as little here as one that never was.
        if (row === undefined || row.state === 'gone') throw new PosternError('not-found', 'no such device');
        await setDeviceState(trx, clock.now(), { id, state: 'gone', actor: caller.person.id });
      });
    },
    async sessions({ caller }) {
      const rows = await db
        .selectFrom('sessions')
        .selectAll()
        .where('person_id', '=', caller.person.id)
        .where('state', '=', 'live')
        .where('ends_at', '>', clock.now())
        .orderBy('started_at')
        .execute();
      const sessions = rows.map((row) => ({
        id: row.id,
        device: row.device_id,
        startedAt: row.started_at,
        lastActiveAt: row.last_active_at,
        here: row.id === caller.session!.id,
      }));
      return { sessions };
    },
    async endSession({ caller, params: { id } }) {
      const at = clock.now();
      await db.transaction().execute(async (trx) => {
        const row = await trx
          .selectFrom('sessions')
          .select('id')
          .where('id', '=', id)
          .where('person_id', '=', caller.person.id)
          .where('state', '=', 'live')
          .executeTakeFirst();
        if (row === undefined) throw new PosternError('not-found', 'no such session');
        const { origin } = caller;
        await endSessions(trx, at, {
          which: { session: id },
          because: 'ended-by-person',
          reason: 'signed-out',
          origin,
        });
      });
    },
    notices: async ({ caller }) => ({ notices: await listNotices(db, caller.person.id, clock.now()) }),
    async access({ caller, query }) {
      const rows = await db
        .selectFrom('records')
        .select([...readColumns])
        .where('person_id', '=', caller.person.id)
        .where('kind', 'in', shownKinds)
        .orderBy('position', 'desc')
        .limit(query.limit ?? defaultLimit)
        .execute();
      return { records: rows.map((row) => ownView(readRow(row).record)) };
    },
  };
  return withinBudget(handlers, clock);
}

/** P12: reasons yes; policies, facts' addresses, administrators' words and ways of delivery no. */
function ownView(record: AccessRecord): AccessRecord {
  const { policies: _p, facts: _f, details: _d, actor: _a, because: _b, epoch: _e, arrived: _r, ...rest } = record;
  return rest;
}
