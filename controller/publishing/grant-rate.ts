/** How many grants an app would need if each served one request (P11): what its recorded accesses say. */
import { sql } from 'kysely';
import { hour } from '#shared/base/clock.ts';
import type { Db } from '../store/open-store.ts';

const days = 7;

/**
 * Accesses a second in the busiest hour of the last 7 days, with two digits: at most so many grants, as equal requests of one
 * device share theirs while it lives. Undefined without any access on record.
 */
export async function busiestRate(db: Db, app: string, at: number): Promise<number | undefined> {
  const hourOf = sql<number>`time / ${hour}`;
  const busiest = await db
    .selectFrom('records')
    .select(({ fn }) => fn.countAll<number>().as('n'))
    .where('app_id', '=', app)
    .where('kind', '=', 'access')
    .where('phase', '=', 'opening')
    .where('time', '>', at - days * 24 * hour)
    .groupBy(hourOf)
    .orderBy('n', 'desc')
    .limit(1)
    .executeTakeFirst();
  return busiest === undefined ? undefined : Number((Number(busiest.n) / 3600).toPrecision(2));
}
