/** Records written before access: the spool beside a bare append of the same lines. */
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '#shared/base/log.ts';
import type { AccessRecord } from '#shared/contracts/record.ts';
import { laterJson } from '../../gateway/records/later-record.ts';
import { SpoolDirectory } from '../../gateway/records/spool-directory.ts';
import { alikeEntry, entryLine, numberedEntry } from '../../gateway/records/spool-format.ts';
import { SpoolWriter } from '../../gateway/records/spool-writer.ts';
import { accessOf, closingOf, openIn } from '../support/spool-access.ts';
import { type Bench, perSecond, times, whole } from './measure.ts';

const operations = 20_000;
const together = 32;

const record = (id: string, over: Partial<AccessRecord>): AccessRecord => ({
  id,
  time: 1_700_000_000_000,
  kind: 'access',
  phase: 'opening',
  trace: 'a'.repeat(32),
  verdict: 'allow',
  reasons: ['grant-valid'],
  person: 'emil',
  device: 'dev_aaaaaaaa',
  app: 'wiki',
  gateway: 'gw-main',
  request: { method: 'GET', host: 'wiki.corp.internal', path: '/pages/home' },
  ...over,
});

export const spool: Bench = {
  name: 'spool',
  about: 'accesses a second with opening and closing record, 32 at a time',
  async run() {
    const dir = mkdtempSync(join(tmpdir(), 'postern-bench-'));
    const writer = new SpoolWriter({ directory: new SpoolDirectory(dir), log: silentLog, maxBytes: 1e10 });
    let n = 0;
    const one = async () => {
      const id = `rec_${String(++n).padStart(16, '0')}`;
      const access = accessOf(record(id, {}));
      await openIn(writer, access);
      writer.tellLater(access, closingOf(access));
    };
    const spooled = await perSecond(operations, async () => {
      for (let done = 0; done < operations; done += together) await Promise.all(Array.from({ length: together }, one));
    });
    const access = accessOf(record('rec_0000000000000001', {}));
    const entries = [alikeEntry(2, 1, access.own), numberedEntry(3, 'later', laterJson(closingOf(access)))];
    const lines = entries.map((entry) => entryLine(entry, 1)).join('');
    const bare = await perSecond(operations, () => {
      for (let done = 0; done < operations; done++) appendFileSync(join(dir, 'bare'), lines);
    });
    writer.stop();
    rmSync(dir, { recursive: true });
    return [
      {
        what: 'accesses a second, two records each',
        measured: whole(spooled),
        beside: `${times(spooled / bare)} a bare append of two lines (${whole(bare)}/s)`,
      },
    ];
  },
};
