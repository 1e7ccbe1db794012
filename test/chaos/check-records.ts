/** What must hold of the log after any number of kills, held against what the apps saw and what clients were answered (P24). */
import type { AccessRecord } from '#shared/contracts/record.ts';
import { type AdminClient, untilItWorks } from '../../deploy/quickstart/clients.ts';
import type { Window } from './admin-changes.ts';
import type { Arrival } from './ledger-apps.ts';

export interface Evidence {
  readonly records: readonly AccessRecord[];
  readonly arrivals: readonly Arrival[];
  readonly windows: readonly Window[];
  /** Traces of answers that came from the app. */
  readonly served: readonly string[];
}

const isEnd = ({ phase }: AccessRecord): boolean => phase === 'closing' || phase === 'interrupted';

/** Every complaint, in words; none when all holds. */
export function complain({ records, arrivals, windows, served }: Evidence): string[] {
  const openings = records.filter(({ phase }) => phase === 'opening');
  const traces = new Set(openings.map(({ trace }) => trace));
  return [
    ...complainOfLog(records, openings),
    ...complainOfArrivals(openings, arrivals),
    ...served
      .filter((trace) => !traces.has(trace))
      .map((trace) => `an answer of the app has trace ${trace}: no opening`),
    ...windows.flatMap(({ person, why, from, to }) =>
      arrivals
        .filter((arrival) => arrival.person === person && arrival.at > from && arrival.at < to)
        .map(({ path, at }) => `${person} ${why}, confirmed; ${Math.round(at - from)} ms later ${path} came`),
    ),
  ];
}

function complainOfLog(records: readonly AccessRecord[], openings: readonly AccessRecord[]): string[] {
  const ids = Map.groupBy(records, ({ id }) => id);
  const known = new Set(openings.map(({ id }) => id));
  const ends = Map.groupBy(records.filter(isEnd), ({ opening }) => opening ?? '');
  return [
    ...[...ids].filter(([, found]) => found.length > 1).map(([id, found]) => `${id} is there ${found.length} times`),
    ...openings
      .filter(({ id }) => ends.get(id)?.length !== 1)
      .map(({ id, request }) => `opening ${id} of ${request?.path} has ${ends.get(id)?.length ?? 0} ends`),
    ...[...ends.keys()].filter((id) => !known.has(id)).map((id) => `there is an end of ${id} and no opening`),
  ];
}

/** A request that was sent again is two accesses; each has its opening. Of tunnels the log tells no path: they are counted. */
function complainOfArrivals(openings: readonly AccessRecord[], arrivals: readonly Arrival[]): string[] {
  const opened = Map.groupBy(openings, ({ request }) => request?.path ?? '');
  const begun = arrivals.filter(({ begins }) => begins);
  const tunnels = begun.filter(({ path }) => path.startsWith('/tcp/')).length;
  const told = openings.filter(({ app }) => app === 'echo').length;
  return [
    ...[...Map.groupBy(begun, ({ path }) => path)]
      .filter(([path, came]) => !path.startsWith('/tcp/') && came.length > (opened.get(path)?.length ?? 0))
      .map(([path, came]) => `${path} came ${came.length} times; openings: ${opened.get(path)?.length ?? 0}`),
    ...(tunnels > told ? [`${tunnels} tunnels reached the app; openings: ${told}`] : []),
  ];
}

/**
 * All accesses since, once the last one, to this path, is told and none is open in the log. `onStuck` is called with those that stay
 * open, before this throws.
 */
export async function settledRecords(
  admin: AdminClient,
  since: number,
  last: string,
  onStuck: (open: readonly AccessRecord[]) => void,
): Promise<AccessRecord[]> {
  let open: AccessRecord[] = [];
  const settled = untilItWorks(async () => {
    const records = await allRecords(admin, since);
    const ended = new Set(records.filter(isEnd).map(({ opening }) => opening));
    open = records.filter(({ phase, id }) => phase === 'opening' && !ended.has(id));
    if (!records.some(({ request }) => request?.path === last)) throw new Error(`${last} is not in the log`);
    if (open.length > 0) {
      const which = open.slice(0, 3).map(({ id, app, request }) => `${id} of ${app} ${request?.path ?? ''}`);
      throw new Error(`${open.length} accesses are open in the log: ${which.join(', ')}`);
    }
    return records;
  }, 60_000);
  return settled.catch((error: unknown) => {
    if (open.length > 0) onStuck(open);
    throw error;
  });
}

async function allRecords(admin: AdminClient, from: number): Promise<AccessRecord[]> {
  const all: AccessRecord[] = [];
  let cursor: string | undefined;
  do {
    const query = { kind: 'access', from, limit: 1000, ...(cursor === undefined ? {} : { cursor }) } as const;
    const { records, next } = await admin.records({ query });
    all.push(...records);
    cursor = next;
  } while (cursor !== undefined);
  return all;
}
