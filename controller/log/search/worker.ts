/** The thread that searches: it reads the database, and alone writes the index beside it. */
import { parentPort } from 'node:worker_threads';
import { openReader } from '../../store/open-store.ts';
import { LogIndex } from './log-index.ts';
import { runSearch } from './run-search.ts';
import { runStats } from './run-stats.ts';
import type { LogPlace, SearchMessage, SearchTasks } from './search-tasks.ts';

type Open = { readonly db: ReturnType<typeof openReader>['db']; readonly index: LogIndex };
let open: Promise<Open> | undefined;

async function openIndex({ file, log }: LogPlace): Promise<Open> {
  const { db } = openReader(file);
  return { db, index: await LogIndex.open(db, `${file}-search`, log) };
}

const tasks: {
  readonly [T in keyof SearchTasks]: (open: Open, order: SearchTasks[T]['order']) => Promise<SearchTasks[T]['answer']>;
} = {
  search: ({ db, index }, order) => runSearch(db, index, order),
  stats: ({ db, index }, order) => runStats(db, index, order),
  state: ({ index }) => index.state(),
  async advance({ index }, forMs) {
    const done = await index.advance(forMs);
    return { done, followed: index.followed(), through: index.through() };
  },
};

parentPort?.on('message', async ({ place, task, order }: SearchMessage) => {
  const opening = open ?? openIndex(place);
  open = opening;
  // What could not be opened (a full disk) is tried again by whoever comes next.
  opening.catch(() => {
    if (open === opening) open = undefined;
  });
  try {
    parentPort?.postMessage({ answer: await tasks[task](await opening, order as never) });
  } catch (error) {
    parentPort?.postMessage({ failed: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
});
