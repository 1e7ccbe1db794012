/** Writes a spool on a disk that takes nothing for a while, with and after the first opening of a grant. Started by `p24-full-disk.test.ts`. */
import { execFileSync } from 'node:child_process';
import process from 'node:process';
import { setTimeout as wait } from 'node:timers/promises';
import { silentLog } from '#shared/base/log.ts';
import { SpoolDirectory } from '../../../gateway/records/spool-directory.ts';
import { SpoolWriter } from '../../../gateway/records/spool-writer.ts';
import { accessOf, closingOf, openIn } from '../../support/spool-access.ts';
import { spoolRecord } from '../../support/spool-records.ts';

const directory = new SpoolDirectory(process.argv[2]!);
const spool = new SpoolWriter({ directory, log: silentLog, maxBytes: 1e9 });
const limit = (bytes: number | 'unlimited') =>
  execFileSync('prlimit', ['--pid', String(process.pid), `--fsize=${bytes}:unlimited`]);
const opening = (person: string) => accessOf(spoolRecord({ phase: 'opening', person }));
const opened: string[] = [];
const open = async (person: string) => {
  const access = opening(person);
  await openIn(spool, access);
  opened.push(`${access.id} ${person}`);
  return access;
};

await open('anna');
// A part of the next write fits.
limit((directory.sizes().get(spool.spool) ?? 0) + 20);
let refused = 0;
for (const person of ['emil', 'anna']) await open(person).catch(() => (refused += 1));
limit('unlimited');
for (let tries = 0; opened.length < 2 && tries < 100; tries += 1)
  await wait(50).then(() => open('emil').catch(() => undefined));
for (const person of ['emil', 'anna', 'emil']) {
  const access = await open(person);
  spool.tellLater(access, closingOf(access));
}
spool.stop();
process.stdout.write(`${JSON.stringify({ opened, refused })}\n`);
