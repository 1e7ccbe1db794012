/** Pages of the log for streams: by count and by bytes, and one that is too large by itself. */
import t from 'tap';
import { appendRecord } from '../../../controller/log/append-record.ts';
import { pageRecords } from '../../../controller/log/page-records.ts';
import { openStore } from '../../../controller/store/open-store.ts';

t.test('a page has at most so many bytes, but at least one record; nothing is left out between pages', async (t) => {
  const { db, stop } = await openStore(':memory:');
  t.teardown(stop);
  // In bytes three times its characters.
  for (const size of [10, 20_000, 10, 90_000, 10, 10, 10])
    await appendRecord(db, 1, { kind: 'session', event: 'ended', details: { why: '北'.repeat(size / 10) } });
  const pages = async (limit: number, bytes: number) => {
    const found: number[][] = [];
    for (let after = 0; ; after = found.at(-1)!.at(-1)!) {
      const { records, more } = await pageRecords(db, { after, through: 6, limit, bytes });
      found.push(records.map(({ position }) => position));
      if (!more) return found.filter((page) => page.length > 0);
    }
  };
  t.strictSame(await pages(500, 1_000_000), [[1, 2, 3, 4, 5, 6]]);
  t.strictSame(await pages(2, 1_000_000), [
    [1, 2],
    [3, 4],
    [5, 6],
  ]);
  t.strictSame(await pages(500, 10_000), [[1, 2, 3], [4], [5, 6]]);
  t.strictSame(await pages(500, 6000), [[1], [2], [3], [4], [5, 6]]);
  t.strictSame(await pages(500, 1), [[1], [2], [3], [4], [5], [6]]);
  t.strictSame(await pageRecords(db, { after: 7, through: 9, limit: 5, bytes: 5 }), {
    records: [],
    more: false,
    unreadable: [],
  });
});
