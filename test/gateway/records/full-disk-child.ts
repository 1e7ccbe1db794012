/** Writes a spool on a disk that is soon full; says what it saw as one line of JSON. Started by `p24-full-disk.test.ts`. */
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { silentLog } from '#shared/base/log.ts';
import type { AccessRecord } from '#shared/contracts/record.ts';
import { SpoolDirectory } from '../../../gateway/records/spool-directory.ts';
import { SpoolWriter } from '../../../gateway/records/spool-writer.ts';
import { accessOf, openIn } from '../../support/spool-access.ts';
import { spoolLines } from '../../support/spool-lines.ts';

const directory = new SpoolDirectory(process.argv[2]!);
const spool = new SpoolWriter({ directory, log: silentLog, maxBytes: 1e9 });
let count = 0;
const record = (more: Partial<AccessRecord>): AccessRecord => ({
  id: `rec_${String(++count).padStart(8, '0')}`,
  time: 1,
  kind: 'access',
  phase: 'opening',
  trace: '0'.repeat(32),
  verdict: 'allow',
  reasons: ['grant-valid'],
  gateway: 'gw-1',
  request: { method: 'GET', host: 'wiki.corp.example', path: '/'.repeat(1000) },
  ...more,
});

let opened = 0;
let refused = '';
while (refused === '') {
  try {
    await openIn(spool, accessOf(record({})));
    opened += 1;
  } catch (error) {
    refused = (error as { code: string }).code;
  }
}
const before = process.memoryUsage().heapUsed;
for (let device = 0; device < 1000; device += 1) {
  for (let i = 0; i < 50; i += 1) {
    spool.refuse(record({ phase: 'single', verdict: 'deny', reasons: ['no-permit'], device: `dev_${device}` }));
  }
}
globalThis.gc?.();
const grown = process.memoryUsage().heapUsed - before;
spool.stop();
const bytes = readFileSync(directory.file(spool.spool));
const { lines, end } = spoolLines(bytes);
process.stdout.write(
  `${JSON.stringify({ opened, refused, grown, lines: lines.length, whole: end === bytes.length })}\n`,
);
// Nothing keeps the process: whatever still ran would write to a descriptor that is no longer its own.
