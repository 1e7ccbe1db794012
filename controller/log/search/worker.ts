/** The thread that searches: it reads the database, and alone writes the index beside it. */
import { setPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';
import { openReader } from '../../store/open-store.ts';
import { IndexDamaged } from './index-damage.ts';
import { indexOf } from './index-file.ts';
import { IndexRounds } from './index-rounds.ts';
import { LogIndex } from './log-index.ts';
import { runSearch } from './run-search.ts';
import { runStats } from './run-stats.ts';
import type { LogPlace, Mended, SearchAnswer, SearchMessage, SearchTask, SearchTasks } from './search-tasks.ts';

try {
  // Who asks for access goes first. On Linux this is of this thread alone.
  if (process.platform === 'linux') setPriority(5);
} catch {
  // Then it shares the processor as everybody does.
}

interface Open {
  readonly place: LogPlace;
  readonly db: ReturnType<typeof openReader>['db'];
  readonly rounds: IndexRounds;
  index: LogIndex;
}
let open: Promise<Open> | undefined;
/** Since the last answer. */
let mended: Mended[] = [];

async function openIndex(place: LogPlace): Promise<Open> {
  const { db } = openReader(place.file);
  const index = await LogIndex.open(db, indexOf(place.file), place.log);
  if (index.damage !== undefined) mended.push(whole(index.damage));
  return { place, db, index, rounds: new IndexRounds(place) };
}

const whole = (what: string): Mended => ({ faults: [{ what }], more: 0 });

/** Makes a block anew, or all of the index: then searches read the records meanwhile. */
async function mend(at: Open, order: Mended): Promise<void> {
  mended.push(order);
  if (order.block !== undefined && (await at.index.mend(order.block))) return;
  at.rounds.close();
  at.index.close();
  at.index = LogIndex.make(at.db, indexOf(at.place.file), at.place.log);
}

const tasks: {
  readonly [T in keyof SearchTasks]: (at: Open, order: SearchTasks[T]['order']) => Promise<SearchTasks[T]['answer']>;
} = {
  search: ({ db, index }, order) => runSearch(db, index, order),
  stats: ({ db, index }, order) => runStats(db, index, order),
  state: ({ index }) => index.state(),
  async advance({ index }, forMs) {
    const done = await index.advance(forMs);
    return { done, followed: index.followed(), through: index.through() };
  },
  async look(at, order) {
    const { wrong, ...looked } = at.rounds.look(order);
    if (wrong !== undefined) await mend(at, wrong);
    return looked;
  },
  async mend(at, order) {
    await mend(at, order);
    return null;
  },
};

async function run(at: Open, task: SearchTask, order: unknown): Promise<unknown> {
  try {
    return await tasks[task](at, order as never);
  } catch (error) {
    if (!(error instanceof IndexDamaged)) throw error;
    await mend(at, whole(error.message));
    return tasks[task](at, order as never);
  }
}

parentPort?.on('message', async ({ place, task, order }: SearchMessage) => {
  const opening = open ?? openIndex(place);
  open = opening;
  // What could not be opened (a full disk) is tried again by whoever comes next.
  opening.catch(() => {
    if (open === opening) open = undefined;
  });
  const tell = (answer: SearchAnswer) => {
    parentPort?.postMessage(mended.length === 0 ? answer : { ...answer, mended });
    mended = [];
  };
  try {
    tell({ answer: await run(await opening, task, order) });
  } catch (error) {
    tell({ failed: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
});
