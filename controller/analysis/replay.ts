/**
 * Replay: the verdicts that the log tells of, judged again from their snapshots of facts (P32). Against a draft it lists
 * those that would flip. Without one each is judged by the version that was in force: then a flip is a disagreement
 * between the log and what it says it was decided by.
 */
import type { ReplayResult } from '#shared/contracts/admin-analysis.ts';
import type { PolicySet } from '../policy/policy-set.ts';
import type { Db } from '../store/open-store.ts';
import { HeldSnapshots } from './held-snapshots.ts';
import { Judge, type JudgedAgain } from './judge-again.ts';
import { PolicyVersions } from './policy-versions.ts';
import { type RecordsWanted, readRecords } from './read-records.ts';
import { type RecordedVerdict, readVerdict } from './read-verdict.ts';
import { FlipTally } from './tally-flips.ts';

export interface ReplayOrder extends RecordsWanted {
  /** How many flips are listed singly. */
  readonly limit: number;
}

/** Called after each page; a promise it returns is awaited, and what it throws ends the replay. */
export type OnProgress = (done: number, total: number) => unknown;

/** `draft` undefined: each verdict by its own version. */
export async function replay(
  db: Db,
  order: ReplayOrder,
  draft: PolicySet | undefined,
  onProgress: OnProgress = () => {},
): Promise<ReplayResult> {
  const snapshots = new HeldSnapshots(db);
  const judges = new Judges(db, draft);
  const tally = new FlipTally(order.limit);
  for await (const { records, unreadable, done, total } of readRecords(db, order)) {
    if (unreadable > 0) tally.unreadable('record', unreadable);
    const verdicts: RecordedVerdict[] = [];
    for (const record of records) {
      const read = readVerdict(record);
      if (read === undefined) tally.other();
      else if (typeof read === 'string') tally.unreadable(read, record.count ?? 1);
      else verdicts.push(read);
    }
    await snapshots.load(verdicts.flatMap(({ facts }) => facts ?? []));
    await judges.load(verdicts);
    for (const read of verdicts) {
      const recorded = judges.named(read);
      const held = snapshots.get(recorded.facts);
      const own = (): JudgedAgain | undefined => judges.ofVersion(recorded)?.judge(recorded, held);
      const judged = draft === undefined ? own() : judges.draft.judge(recorded, held);
      if (judged === undefined) tally.unreadable('version', 1 + recorded.merged);
      else tally.add(recorded, judged, draft === undefined ? undefined : own);
    }
    await onProgress(done, total);
  }
  const { from, to } = order;
  return { from, to, draft: draft !== undefined, ...tally.sums(), questions: judges.judged };
}

class Judges {
  readonly draft: Judge;
  readonly #isDraft: boolean;
  readonly #versions: PolicyVersions;
  readonly #judges = new Map<number, Judge | undefined>();
  readonly #names = new Map<number, ReadonlyMap<number, string>>();

  constructor(db: Db, draft: PolicySet | undefined) {
    this.#versions = new PolicyVersions(db);
    this.#isDraft = draft !== undefined;
    this.draft = new Judge(draft, 'draft ');
  }

  /** Of the main question; what was asked to explain a flip does not count. */
  get judged(): number {
    if (this.#isDraft) return this.draft.judged;
    return [...this.#judges.values()].reduce((sum, judge) => sum + (judge?.judged ?? 0), 0);
  }

  async load(verdicts: readonly RecordedVerdict[]): Promise<void> {
    for (const { record } of verdicts) {
      const epoch = record.epoch ?? -1;
      if (this.#judges.has(epoch)) continue;
      const version = await this.#versions.load(epoch);
      this.#judges.set(epoch, version === 'gone' ? undefined : new Judge(version.set, `${epoch} `));
      const policies = version === 'gone' ? [] : (version.set?.policies ?? []);
      this.#names.set(epoch, new Map(policies.map(({ number, name }) => [number, name])));
    }
  }

  /** A gateway tells policies by their numbers in the version of the grant. */
  named(recorded: RecordedVerdict): RecordedVerdict {
    const { numbers, epoch = -1 } = recorded.record;
    const names = numbers === undefined ? undefined : this.#names.get(epoch);
    return names === undefined ? recorded : { ...recorded, policies: numbers!.flatMap((n) => names.get(n) ?? []) };
  }

  ofVersion({ record }: RecordedVerdict): Judge | undefined {
    return this.#judges.get(record.epoch ?? -1);
  }
}
