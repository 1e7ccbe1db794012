/** Writes openings and closings as fast as it can and tells its parent which openings were confirmed. */
import { silentLog } from '#shared/base/log.ts';
import type { AccessRecord } from '#shared/contracts/record.ts';
import { SpoolDirectory } from '../../../gateway/records/spool-directory.ts';
import { SpoolWriter } from '../../../gateway/records/spool-writer.ts';
import { accessOf, closingOf, openIn } from '../../support/spool-access.ts';

const spool = new SpoolWriter({ directory: new SpoolDirectory(process.argv[2]!), log: silentLog, maxBytes: 1e9 });
for (let i = 1; i < 100_000; i++) {
  const base: Omit<AccessRecord, 'id' | 'phase'> = {
    time: i,
    kind: 'access',
    trace: 'a'.repeat(32),
    verdict: 'allow',
    reasons: [],
  };
  const id = `rec_o${String(i).padStart(9, '0')}`;
  const access = accessOf({ ...base, id, phase: 'opening' });
  await openIn(spool, access);
  process.send?.(id);
  if (i % 3 !== 0) spool.tellLater(access, closingOf(access, { id: `rec_c${String(i).padStart(9, '0')}` }));
}
