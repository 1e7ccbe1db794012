/**
 * A gateway holds no policy and knows only the numbers that grants carry; in the log they have their names, those of the version
 * that the grant was decided by.
 */
import type { AccessRecord } from '#shared/contracts/record.ts';
import type { Db } from '../store/open-store.ts';

/** By the epochs of `records`. */
export async function readPolicyNames(
  db: Db,
  records: readonly AccessRecord[],
): Promise<ReadonlyMap<number, readonly string[]>> {
  const told = records.filter(({ numbers, epoch }) => numbers !== undefined && epoch !== undefined);
  const epochs = [...new Set(told.map(({ epoch }) => epoch!))];
  if (epochs.length === 0) return new Map();
  const rows = await db.selectFrom('policy_versions').select(['epoch', 'names']).where('epoch', 'in', epochs).execute();
  return new Map(rows.map(({ epoch, names }) => [epoch, JSON.parse(names ?? '[]') as string[]]));
}

/** What has no name there keeps its number. Names that a gateway sends are its own invention. */
export function namePolicies(
  { policies: _, numbers, ...record }: AccessRecord,
  names: ReadonlyMap<number, readonly string[]>,
): AccessRecord {
  if (numbers === undefined) return record;
  const known = record.epoch === undefined ? undefined : names.get(record.epoch);
  const policies = numbers.flatMap((number) => known?.[number] ?? []).toSorted();
  const nameless = numbers.filter((number) => known?.[number] === undefined);
  return {
    ...record,
    ...(policies.length === 0 ? {} : { policies }),
    ...(nameless.length === 0 ? {} : { numbers: nameless }),
  };
}
