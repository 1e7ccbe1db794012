/** The memory of used grants, and how it forgets (P18). */
import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { silentLog } from '#shared/base/log.ts';
import { UsePruner } from '../../../gateway/records/prune-uses.ts';
import { makeUseFolder, UseFiles, useFileName } from '../../../gateway/records/use-files.ts';

const nowSeconds = 1_800_000_000;
const grant = (jti: string, changes = {}) => ({ jti, iat: nowSeconds, exp: nowSeconds + 60, ...changes });

t.test('taken once, and still taken after a start', async (t) => {
  const folder = t.testdir();
  const uses = new UseFiles(folder);
  t.notOk(uses.has(grant('gr_00000001')));
  t.equal(await uses.take(grant('gr_00000001')), true);
  t.ok(uses.has(grant('gr_00000001')));
  t.equal(await uses.take(grant('gr_00000001')), false);
  t.equal(await uses.take(grant('gr_00000002')), true, 'another is another');
  const later = new UseFiles(folder);
  later.serveFrom((nowSeconds + 20) * 1000);
  t.ok(later.has(grant('gr_00000001')));
  t.equal(await later.take(grant('gr_00000001')), false);
  t.notOk(later.has(grant('gr_00000003')), 'what was not used may be, whenever it was issued');
  t.equal(await later.take(grant('gr_00000003')), true);
});

t.test('of many processes and calls at the same moment one takes it', async (t) => {
  const folder = t.testdir();
  const child = join(import.meta.dirname, 'use-child.ts');
  const at = String(Date.now() + 1500);
  const grants = Array.from({ length: 20 }, (_, index) => `gr_race_${String(index).padStart(4, '0')}`);
  const taken = await Promise.all(
    Array.from({ length: 3 }, async () => {
      const { stdout } = await promisify(execFile)(process.execPath, [child, folder, at, ...grants]);
      return JSON.parse(stdout) as string[];
    }),
  );
  t.same(taken.flat().sort(), grants, 'each by exactly one');
  t.same(
    readdirSync(folder).sort(),
    grants.map((jti) => useFileName(grant(jti))),
  );
});

t.test('a folder that was lost vouches for nothing that was issued before', async (t) => {
  const folder = join(t.testdir(), 'spool', 'used');
  makeUseFolder(folder);
  const uses = new UseFiles(folder);
  uses.serveFrom((nowSeconds + 5) * 1000 + 400);
  const before = grant('gr_00000001', { iat: nowSeconds + 4 });
  t.ok(uses.has(before), 'it may have been used');
  t.equal(await uses.take(before), false);
  t.equal(await uses.take(grant('gr_00000002', { iat: nowSeconds + 5 })), true, 'one of now was not');
  makeUseFolder(folder);
  t.ok(new UseFiles(folder).has(grant('gr_00000002')), 'made again, nothing is lost');
});

t.test('what cannot be written is no use', async (t) => {
  const folder = t.testdir();
  const uses = new UseFiles(folder);
  rmSync(folder, { recursive: true });
  await t.rejects(uses.take(grant('gr_00000001')), { code: 'record-failed' });
  t.throws(() => new UseFiles(folder), { code: 'ENOENT' });
  mkdirSync(folder);
});

t.test('a use is kept as long as its grant could live, by two clocks', async (t) => {
  const folder = t.testdir();
  const uses = new UseFiles(folder);
  await uses.take(grant('gr_00000001'));
  await uses.take(grant('gr_00000002', { exp: nowSeconds + 2000 }));
  writeFileSync(join(folder, 'young'), '');
  writeFileSync(join(folder, 'something-else'), '');
  let time: number | undefined;
  let steady = 0;
  const pruner = new UsePruner({ folder, time: () => time, steady: () => steady, log: silentLog });
  t.teardown(() => pruner.stop());
  time = (nowSeconds + 10_000) * 1000;
  t.equal(pruner.prune(), 4, 'a clock that is far ahead makes nothing be forgotten');
  steady = 309_000;
  t.equal(pruner.prune(), 4);
  steady = 311_000;
  time = (nowSeconds + 100) * 1000;
  t.equal(pruner.prune(), 2);
  t.same(readdirSync(folder).sort(), [`${nowSeconds + 2000}.gr_00000002`, 'something-else']);
  time = undefined;
  t.equal(pruner.prune(), 2, 'nothing goes while the time is not known');
  time = (nowSeconds + 2001) * 1000;
  t.equal(pruner.prune(), 1, 'and what is no use stays');
  rmSync(folder, { recursive: true });
  t.equal(pruner.prune(), 1, 'a folder that is gone ends nothing');
  mkdirSync(folder);
});
