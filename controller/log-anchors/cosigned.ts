/** The newest checkpoint that witnesses signed, with their lines: what a reader gets who wants to know that others have seen it. */
import { minute } from '#shared/base/clock.ts';
import { formatLine, parseNote } from '#shared/log/signed-note.ts';
import type { LogState } from '../log/log-state.ts';
import type { Db } from '../store/open-store.ts';
import type { Published } from './anchor.ts';

export async function keepCosigned(
  db: Db,
  { origin, size, checkpoint, time }: Published,
  lines: string,
): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const before = await readCosigned(trx, { origin });
    // Of two rounds at once the newer one stays.
    if (before !== undefined && before.size > size) return;
    // Who was asked later than others takes nothing away from them.
    const signed = before?.note.startsWith(checkpoint) === true ? before.note.slice(checkpoint.length) : '';
    const row = { origin, size, note: `${checkpoint}${joined(signed, lines)}`, at: time };
    await trx
      .insertInto('log_cosigned')
      .values({ id: 1, ...row })
      .onConflict((conflict) => conflict.column('id').doUpdateSet(row))
      .execute();
  });
}

/** One line of each key: the later one. */
function joined(...parts: readonly string[]): string {
  const lines = new Map<string, string>();
  for (const part of parts) {
    if (part === '') continue;
    for (const { name, keyId, signature } of parseNote(`x\n\n${part}`).signatures)
      lines.set(`${name} ${keyId}`, formatLine(name, keyId, signature));
  }
  return [...lines.values()].join('');
}

/** Of this log. */
export async function readCosigned(
  db: Db,
  { origin }: Pick<LogState, 'origin'>,
): Promise<{ size: number; note: string; at: number } | undefined> {
  return db
    .selectFrom('log_cosigned')
    .select(['size', 'note', 'at'])
    .where('id', '=', 1)
    .where('origin', '=', origin)
    .executeTakeFirst();
}

/** Without an answer of its witnesses for so long, readers get the newest checkpoint all the same. */
const servedMs = 10 * minute;

/** What the world is served: the one that witnesses signed, while they do. */
export async function servedCheckpoint(db: Db, state: LogState, now: number): Promise<string | null> {
  const cosigned = await readCosigned(db, state);
  return cosigned !== undefined && Math.abs(now - cosigned.at) < servedMs ? cosigned.note : state.checkpoint;
}
