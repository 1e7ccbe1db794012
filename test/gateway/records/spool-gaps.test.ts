/** Numbers of a spool: what was lost, and what comes after a loss. */
import { readFileSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { recoverSpools } from '../../../gateway/records/recover-spool.ts';
import { SpoolDirectory } from '../../../gateway/records/spool-directory.ts';
import { encodeLine } from '../../../gateway/records/spool-format.ts';
import { SpoolGaps } from '../../../gateway/records/spool-gaps.ts';
import { spoolLines } from '../../support/spool-lines.ts';
import { spoolRecord as record } from '../../support/spool-records.ts';

t.test('P24 after a loss of power the ends of accesses get numbers that the controller has not seen', async (t) => {
  const directory = new SpoolDirectory(t.testdir());
  writeFileSync(directory.file('spl_00000001'), encodeLine({ seq: 1, record: record({ phase: 'opening' }) }));
  directory.writeThrough('spl_00000001', 5);
  t.equal(recoverSpools(directory, ['spl_00000001'], 5000), 1);
  const { lines } = spoolLines(readFileSync(directory.file('spl_00000001')));
  t.match(lines, [{ seq: 1 }, { seq: 6, record: { phase: 'interrupted' } }, { left: true, last: 6 }]);
});

t.test(
  'P24 a line whose number nobody can have counted to is told nothing of, and hides nothing behind it',
  async (t) => {
    const gaps = new SpoolGaps();
    const parts = { gateway: 'gw-1', spool: 'spl_00000001', writtenAt: 9 };
    const seqs = [1, 5_000_000, 2, 4].map((seq) => gaps.follow({ seq, record: record() }, parts).map((one) => one.seq));
    t.same(seqs, [[1], [], [2], [3, 4]]);
  },
);
