/** P24: a disk that takes what is written and cannot keep it. */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import t from 'tap';
import { silentLog } from '#shared/base/log.ts';
import { SpoolDirectory } from '../../gateway/records/spool-directory.ts';
import { SpoolWriter } from '../../gateway/records/spool-writer.ts';
import { accessOf, openIn } from '../support/spool-access.ts';
import { spoolRecord } from '../support/spool-records.ts';

/** As the system's, with what is said by `broken` instead; resolves with the next one that is told. */
const real = fs.fdatasync;
let broken: NodeJS.ErrnoException | undefined;
let told = Promise.withResolvers<void>();
const flush = (fd: number, callback: fs.NoParamCallback): void => {
  const tell: fs.NoParamCallback = (error) => {
    callback(error);
    told.resolve();
  };
  if (broken === undefined) real(fd, tell);
  else setImmediate(tell, broken);
};

t.test('P24 while what was written cannot be flushed no access is given, and the log is told of it', async (t) => {
  Object.assign(fs, { fdatasync: flush });
  syncBuiltinESMExports();
  t.teardown(() => {
    Object.assign(fs, { fdatasync: real });
    syncBuiltinESMExports();
  });
  const next = async () => {
    told = Promise.withResolvers();
    await told.promise;
  };
  const directory = new SpoolDirectory(t.testdir());
  const spool = new SpoolWriter({ directory, log: silentLog, maxBytes: 1e9 });
  t.teardown(() => spool.stop());
  const paused = Promise.withResolvers<string>();
  spool.onPause(({ why }) => {
    paused.resolve(why);
    return spoolRecord({ kind: 'gateway', event: 'paused', verdict: 'none' });
  });
  const open = () => openIn(spool, accessOf(spoolRecord({ phase: 'opening' })));

  broken = Object.assign(new Error('EIO'), { code: 'EIO' });
  await open();
  await next();
  await t.rejects(open(), { code: 'record-failed', message: /flushed/ });
  // It tries by itself, for nothing is written meanwhile.
  await next();
  await t.rejects(open(), { code: 'record-failed' });
  broken = undefined;
  await next();
  await open();
  t.match(await paused.promise, /flushed/);
});
