/** What is doubted of many records, in one: so that a gateway that tells nothing true fills no log with alarms. Pure. */

export interface Doubted {
  readonly spool: string;
  readonly seq: number;
  /** Id of the record, and the time that it has. */
  readonly record: string;
  readonly time: number;
  readonly arrived: number;
  readonly ground: string;
  readonly byMs?: number | undefined;
}

export interface DoubtSums {
  readonly count: number;
  readonly grounds: readonly { readonly ground: string; readonly count: number }[];
  /** The first of them, each with the lowest and highest of its places; how many others there are is `moreSpools`, which may count one twice. */
  readonly spools: readonly { readonly spool: string; readonly first: number; readonly last: number }[];
  readonly moreSpools?: number;
  readonly byMs?: number;
  /** The first record. */
  readonly record: string;
  /** Of the times that they have, and of their arrival; both inclusive. */
  readonly from: number;
  readonly to: number;
  readonly arrivedFrom: number;
  readonly arrivedTo: number;
}

const mostSpools = 8;

export function sumOf({ spool, seq, record, time, arrived, ground, byMs }: Doubted): DoubtSums {
  return {
    count: 1,
    grounds: [{ ground, count: 1 }],
    spools: [{ spool, first: seq, last: seq }],
    ...(byMs === undefined ? {} : { byMs }),
    record,
    from: time,
    to: time,
    arrivedFrom: arrived,
    arrivedTo: arrived,
  };
}

/** `a` came first. */
export function addSums(a: DoubtSums, b: DoubtSums): DoubtSums {
  const grounds = new Map(a.grounds.map(({ ground, count }) => [ground, count]));
  for (const { ground, count } of b.grounds) grounds.set(ground, (grounds.get(ground) ?? 0) + count);
  const spools = new Map(a.spools.map((one) => [one.spool, one]));
  let more = (a.moreSpools ?? 0) + (b.moreSpools ?? 0);
  for (const { spool, first, last } of b.spools) {
    const known = spools.get(spool);
    if (known === undefined && spools.size >= mostSpools) more += 1;
    else
      spools.set(spool, {
        spool,
        first: Math.min(known?.first ?? first, first),
        last: Math.max(known?.last ?? 0, last),
      });
  }
  const byMs = Math.max(a.byMs ?? 0, b.byMs ?? 0);
  return {
    count: a.count + b.count,
    grounds: [...grounds].map(([ground, count]) => ({ ground, count })),
    spools: [...spools.values()],
    ...(more === 0 ? {} : { moreSpools: more }),
    ...(byMs === 0 ? {} : { byMs }),
    record: a.record,
    from: Math.min(a.from, b.from),
    to: Math.max(a.to, b.to),
    arrivedFrom: Math.min(a.arrivedFrom, b.arrivedFrom),
    arrivedTo: Math.max(a.arrivedTo, b.arrivedTo),
  };
}
