/** The way back in (P6). */
import type { adminRecovery } from '#shared/contracts/admin-recovery.ts';
import { recover } from '../admin/recover.ts';
import { takeInForce } from '../publishing/publish.ts';
import { readChange } from '../store/changes.ts';
import type { AdminParts, HandlersOf } from './admin-parts.ts';
import { inviteText } from './invitation-handlers.ts';

export function recoveryHandlers(parts: AdminParts): HandlersOf<typeof adminRecovery> {
  const { db, clock, cuts, policy } = parts;
  return {
    async recover({ body, caller }) {
      const at = clock.now();
      const { done, after, n } = await db.transaction().execute(async (trx) => {
        const before = await readChange(trx);
        const recovered = await recover(trx, at, parts, { ...body, caller });
        return { done: recovered, after: before, n: await readChange(trx) };
      });
      await parts.door.admitted();
      const { stored, invitation, code, sameAs, person, lifted, endsAt, hasFactors } = done;
      const taken = stored === undefined ? undefined : await takeInForce(parts, stored.set);
      const grants = taken?.revoked.length ?? 0;
      const last = Math.max(n, taken?.change ?? 0);
      const cut = await cuts.report({ n: last === after ? 0 : last, after, at, grants, sessions: 0 });
      return {
        person,
        lifted,
        epoch: policy.current()?.epoch ?? 0,
        ...(sameAs === undefined ? {} : { sameAs }),
        invitation: inviteText(parts, { id: invitation, code }, 'device'),
        endsAt,
        hasFactors,
        cut,
      };
    },
  };
}
