/** Stops a spool on a disk that took nothing, and goes on talking to it; says what it saw as one line of JSON. Started by `p24-full-disk.test.ts`. */
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import process from 'node:process';
import { silentLog } from '#shared/base/log.ts';
import { SpoolDirectory } from '../../../gateway/records/spool-directory.ts';
import { SpoolWriter } from '../../../gateway/records/spool-writer.ts';
import { accessOf, closingOf } from '../../support/spool-access.ts';
import { spoolRecord } from '../../support/spool-records.ts';

const [path, other] = process.argv.slice(2) as [string, string];
const limit = (bytes: number | 'unlimited') =>
  execFileSync('prlimit', ['--pid', String(process.pid), `--fsize=${bytes}:unlimited`]);
const access = () => accessOf(spoolRecord({ phase: 'opening', person: 'anna' }));

/** As an access does: what was not let in is refused on record. */
const open = (spool: SpoolWriter) =>
  new Promise<boolean>((resolve) =>
    spool.open(access(), {
      onOpened: () => resolve(true),
      onUnopened: () => {
        spool.refuse(spoolRecord({ verdict: 'deny', reasons: ['record-failed'] }));
        resolve(false);
      },
    }),
  );

/** `turns`: of the event loop between the write that fails and the stop. */
async function stopAfter(turns: number) {
  const spool = new SpoolWriter({ directory: new SpoolDirectory(path), log: silentLog, maxBytes: 1e9 });
  limit(20);
  const opened = [await open(spool)];
  for (let n = 0; n < turns; n += 1) await new Promise(setImmediate);
  spool.stop();
  limit('unlimited');
  // Whoever opens a file now has the number of the descriptor that was closed.
  const fds = Array.from({ length: 4 }, (_, n) => openSync(`${other}-${n}`, 'w'));
  const late = access();
  spool.tellLater(late, closingOf(late));
  opened.push(await open(spool));
  const timers = process.getActiveResourcesInfo().filter((what) => what === 'Timeout').length;
  for (const _ of [1, 2, 3]) await new Promise(setImmediate);
  const bytes = fds.reduce((sum, _, n) => sum + readFileSync(`${other}-${n}`).length, 0);
  for (const fd of fds) closeSync(fd);
  return { opened, timers, bytes };
}

process.stdout.write(`${JSON.stringify([await stopAfter(0), await stopAfter(2)])}\n`);
