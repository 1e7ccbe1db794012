/**
 * Legal holds: what of the log may neither be pruned nor erased until the hold is released, whatever retention, an owner or a person who asks
 * to be erased say. All that a hold names must be so of a record.
 */

import type { Db } from '../../store/open-store.ts';
import type { LegalHoldRow } from '../../store/retention-tables.ts';

/** The columns of a record that a hold looks at. */
export const heldColumns = ['time', 'arrived', 'person_id', 'actor', 'device_id', 'app_id', 'trace'] as const;

export interface HeldRow {
  readonly time: number;
  readonly arrived: number | null;
  readonly person_id: string | null;
  readonly actor: string | null;
  readonly device_id: string | null;
  readonly app_id: string | null;
  readonly trace: string;
}

export class LegalHolds {
  readonly all: readonly LegalHoldRow[];
  /** By person under a hold: their devices, whose records are theirs. */
  readonly #devices: ReadonlyMap<string, ReadonlySet<string>>;

  private constructor(all: readonly LegalHoldRow[], devices: ReadonlyMap<string, ReadonlySet<string>>) {
    this.all = all;
    this.#devices = devices;
  }

  static async read(db: Db): Promise<LegalHolds> {
    const all = await db.selectFrom('legal_holds').selectAll().orderBy('created_at').orderBy('id').execute();
    const people = [...new Set(all.flatMap(({ person_id }) => person_id ?? []))];
    const devices = new Map<string, Set<string>>(people.map((person) => [person, new Set()]));
    for (let at = 0; at < people.length; at += 500) {
      const some = people.slice(at, at + 500);
      const rows = await db.selectFrom('devices').select(['id', 'person_id']).where('person_id', 'in', some).execute();
      for (const { id, person_id } of rows) devices.get(person_id)?.add(id);
    }
    return new LegalHolds(all, devices);
  }

  /** The first one that keeps this record. */
  of(row: HeldRow): LegalHoldRow | undefined {
    return this.all.find((hold) => this.#keeps(hold, row));
  }

  #keeps(hold: LegalHoldRow, row: HeldRow): boolean {
    // By either time: a gateway that tells a wrong one takes nothing away from a hold.
    if (!isWithin(hold, row.time) && (row.arrived === null || !isWithin(hold, row.arrived))) return false;
    if (hold.device_id !== null && row.device_id !== hold.device_id) return false;
    if (hold.app_id !== null && row.app_id !== hold.app_id) return false;
    if (hold.trace !== null && !row.trace.startsWith(hold.trace)) return false;
    if (hold.person_id === null) return true;
    if (row.person_id === hold.person_id || row.actor === hold.person_id) return true;
    return row.device_id !== null && this.#devices.get(hold.person_id)?.has(row.device_id) === true;
  }
}

const isWithin = ({ from_time, to_time }: LegalHoldRow, time: number): boolean =>
  (from_time === null || time >= from_time) && (to_time === null || time <= to_time);

/** Whose erasing would take from a record under a hold: the hold, and how many of the person's own records wait for its end. */
export async function heldOfPerson(
  db: Db,
  person: string,
): Promise<{ readonly name: string; readonly records: number } | undefined> {
  const holds = await LegalHolds.read(db);
  if (holds.all.length === 0) return undefined;
  const counts = new Map<string, number>();
  for (let after = 0; ; ) {
    const rows = await db
      .selectFrom('records')
      .select(['position', ...heldColumns])
      .where('person_id', '=', person)
      .where('position', '>', after)
      .orderBy('position')
      .limit(1000)
      .execute();
    for (const row of rows) {
      const name = holds.of(row)?.name;
      if (name !== undefined) counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    if (rows.length < 1000) break;
    after = rows.at(-1)!.position;
  }
  const [first] = [...counts].map(([name, records]) => ({ name, records }));
  const own = holds.all.find(({ person_id }) => person_id === person);
  return first ?? (own === undefined ? undefined : { name: own.name, records: 0 });
}
