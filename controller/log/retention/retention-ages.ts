/** How long records stay, by kind: what an owner set, never less than the floor, which the configuration sets. */
import { day } from '#shared/base/clock.ts';
import { PosternError } from '#shared/base/errors.ts';
import { type RecordKind, recordKinds } from '#shared/contracts/record.ts';
import type { Db, Trx } from '../../store/open-store.ts';

export type RetentionKind = RecordKind | 'default';

/** Of a profile: what it asks of every log. */
const profileFloors: Readonly<Record<string, number>> = { none: 1, mlps3: 180 };

/** Nobody takes away at night what was done in the day: a day at least. In milliseconds. */
export function retentionFloor(config: {
  readonly retention: { readonly profile: string; readonly floorDays: number };
}): number {
  return Math.max(config.retention.floorDays, profileFloors[config.retention.profile] ?? 1) * day;
}

/** Milliseconds; `null` is for ever. */
export type Age = number | null;

export interface RetentionAges {
  /** As they were set; a kind that is missing follows `default`. */
  readonly set: ReadonlyMap<RetentionKind, Age>;
  /** When any was last changed. */
  readonly changedAt: number;
}

export async function readAges(db: Db): Promise<RetentionAges> {
  const rows = await db.selectFrom('retention').selectAll().execute();
  return {
    set: new Map(rows.map(({ kind, age }) => [kind as RetentionKind, age])),
    changedAt: Math.max(0, ...rows.map(({ set_at }) => set_at)),
  };
}

/** `age` undefined: follow the default again. Throws `bad-request` below the floor. Returns what stood there. */
export async function setAge(
  trx: Trx,
  at: number,
  order: { readonly kind: RetentionKind; readonly age: Age | undefined; readonly floor: number },
): Promise<Age | undefined> {
  const { kind, age, floor } = order;
  const before = (await readAges(trx)).set.get(kind);
  if (age === undefined) {
    await trx.deleteFrom('retention').where('kind', '=', kind).execute();
    return before;
  }
  requireFloor(age, floor);
  await trx
    .insertInto('retention')
    .values({ kind, age, set_at: at })
    .onConflict((conflict) => conflict.column('kind').doUpdateSet({ age, set_at: at }))
    .execute();
  return before;
}

/** Throws `bad-request` for less than the floor. */
export function requireFloor(age: Age, floor: number): void {
  if (age !== null && age < floor) {
    const days = Math.ceil(floor / day);
    const tell = `Records stay for ${days} ${days === 1 ? 'day' : 'days'} at least: that is the floor of this installation (retention.floorDays and retention.profile in controller.yaml).`;
    throw new PosternError('bad-request', `an age of ${age} ms is below the floor`, { tell });
  }
}

/** Which records a pruning may take: those of a time before its kind's; 0 for none. Milliseconds. */
export interface Cutoffs {
  readonly rest: number;
  readonly kinds: Readonly<Partial<Record<RecordKind, number>>>;
}

export const cutoffOf = ({ rest, kinds }: Cutoffs, kind: string): number => kinds[kind as RecordKind] ?? rest;
export const newestCutoff = ({ rest, kinds }: Cutoffs): number => Math.max(rest, ...Object.values(kinds));
export const oldestCutoff = (cutoffs: Cutoffs): number =>
  Math.min(...recordKinds.map((kind) => cutoffOf(cutoffs, kind)));

/** What the ages mean at a moment; undefined when everything is for ever. A floor that was raised since holds. */
export function cutoffsAt({ set }: RetentionAges, at: number, floor: number): Cutoffs | undefined {
  const cutoff = (age: Age | undefined) => (age == null ? 0 : Math.max(0, at - Math.max(age, floor)));
  const kinds: Partial<Record<RecordKind, number>> = {};
  for (const [kind, age] of set) if (kind !== 'default') kinds[kind] = cutoff(age);
  const cutoffs = { rest: cutoff(set.get('default')), kinds };
  return newestCutoff(cutoffs) === 0 ? undefined : cutoffs;
}

/** What both let go. */
export function narrower(one: Cutoffs, other: Cutoffs): Cutoffs {
  const kinds: Partial<Record<RecordKind, number>> = {};
  for (const kind of Object.keys({ ...one.kinds, ...other.kinds }) as RecordKind[])
    kinds[kind] = Math.min(cutoffOf(one, kind), cutoffOf(other, kind));
  return { rest: Math.min(one.rest, other.rest), kinds };
}
