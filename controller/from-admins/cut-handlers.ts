/** Taking back. Every answer says which gateways have done it (P16). */
import { PosternError } from '#shared/base/errors.ts';
import type { adminCuts } from '#shared/contracts/admin-cuts.ts';
import { showGrants } from '../admin/show-devices.ts';
import { takeBack } from '../admin/take-back.ts';
import { setDeviceState } from '../identity/device-state.ts';
import { setPersonState } from '../identity/person-state.ts';
import { readChange } from '../store/changes.ts';
import type { Trx } from '../store/open-store.ts';
import type { AdminCaller, AdminParts, HandlersOf } from './admin-parts.ts';
import { keptOrCut } from './cut-unkept.ts';
import { requireManageDevice } from './device-handlers.ts';
import { requireManage } from './people-handlers.ts';
import { because, recordAdmin } from './record-admin.ts';

interface StateOrder {
  readonly kind: 'person' | 'device';
  readonly id: string;
  readonly because?: string | undefined;
}

export function cutHandlers(parts: AdminParts): HandlersOf<typeof adminCuts> {
  const { db, clock, cuts, authority } = parts;

  const setState = (
    trx: Trx,
    at: number,
    caller: AdminCaller,
    order: StateOrder & { state: 'active' | 'suspended' },
  ) => {
    const { id, state } = order;
    const told = { id, state, actor: caller.actor, ...because(caller, order.because) };
    return order.kind === 'person' ? setPersonState(trx, at, told) : setDeviceState(trx, at, told);
  };

  return {
    grants: async () => ({ items: await showGrants(db, clock.now()) }),

    revoke: ({ body, caller }) =>
      keptOrCut(parts, caller, body, async () => {
        const at = clock.now();
        const { kind, id } = body;
        const cut = await db.transaction().execute(async (trx) => {
          const done = await takeBack(trx, at, body, { actor: caller.actor, authority });
          const { n: change, grants, sessions } = done;
          const act = { event: 'revoked', kind: 'revocation', because: body.because } as const;
          await recordAdmin(trx, at, caller, { ...act, details: { what: kind, id, change, grants, sessions } });
          return done;
        });
        if (kind === 'gateway') parts.cutGateway(id);
        return cuts.report({ ...cut, at });
      }),

    async contain({ body, caller }) {
      const at = clock.now();
      const { kind, id } = body;
      if (body.because.trim() === '') throw new PosternError('reason-needed', `contain ${kind} ${id} without a reason`);
      if (kind === 'person') await requireManage(db, caller, id);
      return keptOrCut(parts, caller, body, async () => {
        const cut = await db.transaction().execute(async (trx) => {
          if (kind === 'person') await requireManage(trx, caller, id);
          const after = await readChange(trx);
          const done = { after, ...(await setState(trx, at, caller, { ...body, state: 'suspended' })) };
          const { change, grants, sessions } = done;
          const act = { event: 'contained', kind: 'revocation', because: body.because } as const;
          await recordAdmin(trx, at, caller, { ...act, details: { what: kind, id, change, grants, sessions } });
          return done;
        });
        return cuts.report({ n: cut.change, after: cut.after, at, grants: cut.grants, sessions: cut.sessions });
      });
    },

    async lift({ body, caller }) {
      const at = clock.now();
      await db.transaction().execute(async (trx) => {
        if (body.kind === 'person') await requireManage(trx, caller, body.id);
        else await requireManageDevice(trx, caller, body.id);
        await setState(trx, at, caller, { ...body, state: 'active' });
      });
    },

    async cut({ params: { change } }) {
      if (change > (await readChange(db))) throw new PosternError('not-found', `there is no change ${change} yet`);
      const revocation = await db.selectFrom('revocations').select('at').where('n', '=', change).executeTakeFirst();
      const logged = await db.selectFrom('changes').select('at').where('n', '=', change).executeTakeFirst();
      const at = revocation?.at ?? logged?.at ?? 0;
      // What it took back was told when it was made, and stands in its record.
      return cuts.look({ n: change, after: await numberBefore(db, change, at), at, grants: 0, sessions: 0 });
    },
  };
}

/** The changes of one command have one time, to the millisecond, and no other number between them. */
async function numberBefore(db: AdminParts['db'], change: number, at: number): Promise<number> {
  const rows = await db.selectFrom('changes').select('n').where('at', '=', at).where('n', '<=', change).execute();
  const numbers = new Set(rows.map(({ n }) => n));
  let before = change - 1;
  while (numbers.has(before)) before -= 1;
  return before;
}
