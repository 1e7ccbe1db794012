/**
 * A rotation under way (P20): takes the new key into use in the moment in which the last fresh gateway confirms it, and says of
 * each gateway how far it is. One that is away is not waited for.
 */
import { performance } from 'node:perf_hooks';
import type { adminKeys } from '#shared/contracts/admin-keys.ts';
import type { AnswerOf } from '#shared/contracts/route.ts';
import type { AdminParts } from '../from-admins/admin-parts.ts';
import { confirmedThrough } from '../from-gateways/fresh-gateways.ts';

export type Rotation = AnswerOf<(typeof adminKeys)['rotateKeys']>;
type RotationParts = Pick<AdminParts, 'db' | 'authority' | 'streams' | 'generation' | 'cuts'>;

export interface RotationOrder {
  readonly what: Rotation['what'];
  readonly kid: string;
  readonly waitMs: number;
}

/** Waits at most `waitMs`; the scheduled job goes on with what has not come to its end by then. */
export async function followRotation(parts: RotationParts, order: RotationOrder): Promise<Rotation> {
  const until = performance.now() + order.waitMs;
  for (;;) {
    await parts.authority.promoteReady({ confirmedThrough: await confirmedThrough(parts.db, parts) });
    const rotation = await look(parts, order);
    if (rotation.inUse || performance.now() >= until) return rotation;
    await parts.cuts.nextApplied(250);
  }
}

async function look({ db, streams, generation }: RotationParts, { what, kid }: RotationOrder): Promise<Rotation> {
  const key =
    what === 'signing'
      ? await db
          .selectFrom('signing_keys')
          .select(['announced_n', 'state'])
          .where('kid', '=', kid)
          .executeTakeFirstOrThrow()
      : await db
          .selectFrom('authorities')
          .select(['announced_n', 'state'])
          .where('id', '=', kid)
          .executeTakeFirstOrThrow();
  const rows = await db
    .selectFrom('gateways')
    .select(['id', 'generation', 'through', 'last_seen_at'])
    .where('state', '=', 'active')
    .orderBy('id')
    .execute();
  const connected = streams.connected();
  const gateways = rows.map((row): Rotation['gateways'][number] => {
    const confirmed = row.generation === generation && row.through >= key.announced_n;
    const state = confirmed ? 'confirmed' : connected.has(row.id) ? 'waiting' : 'away';
    return { gateway: row.id, state, ...(row.last_seen_at === null ? {} : { lastSeenAt: row.last_seen_at }) };
  });
  return { kid, what, change: key.announced_n, inUse: key.state !== 'announced', gateways };
}
