/** P24: what a full disk, and a flood of refusals, must not bring about. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import t from 'tap';
import type { AccessRecord } from '#shared/contracts/record.ts';
import { DenialMerger } from '../../gateway/records/merge-denials.ts';

const child = fileURLToPath(new URL('../gateway/records/full-disk-child.ts', import.meta.url));

t.test(
  'P24 a full disk refuses access, keeps its file readable, and a flood of refusals fills no memory',
  async (t) => {
    // Files may have 64 blocks: the kernel then refuses what a full disk would.
    const limited = ['-c', 'ulimit -f 64 && exec "$0" --expose-gc "$@"', process.execPath, child, t.testdir()];
    const { stdout } = await promisify(execFile)('sh', limited, { timeout: 60_000 });
    const seen = JSON.parse(stdout) as Record<string, unknown>;
    t.equal(seen['refused'], 'record-failed');
    t.ok(Number(seen['opened']) > 10, 'access until then');
    t.equal(seen['lines'], seen['opened'], 'what was let in stands in the file, and nothing that was not');
    t.equal(seen['whole'], true, 'no line is torn');
    t.ok(Number(seen['grown']) < 20e6, `50,000 refusals hold ${seen['grown']} bytes`);
  },
);

t.test('P24 a counted record never repeats the id of one that was written', async (t) => {
  // The controller refuses a second record of an id, and with it all that the spool holds behind it.
  const written: AccessRecord[] = [];
  const merger = new DenialMerger((record) => written.push(record));
  let count = 0;
  const deny = () => ({ id: `rec_${++count}`, device: 'dev_1', reasons: ['no-permit'] }) as unknown as AccessRecord;
  merger.take(deny(), false);
  merger.take(deny(), true);
  merger.flush();
  t.same(
    written.map(({ id, count: of }) => [id, of]),
    [
      ['rec_2', undefined],
      ['rec_1', 1],
    ],
  );
});
