/** P24: a disk that takes a part of what one turn wrote, and then neither more nor to have it cut off, while the spool is read by who delivers it. */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import t from 'tap';
import { silentLog } from '#shared/base/log.ts';
import type { SpooledRecord } from '#shared/contracts/record.ts';
import { RecordDelivery } from '../../gateway/records/deliver-records.ts';
import { SpoolDirectory } from '../../gateway/records/spool-directory.ts';
import { SpoolWriter } from '../../gateway/records/spool-writer.ts';
import { accessOf, closingOf, openIn } from '../support/spool-access.ts';
import { recordKeeper, spoolRecord } from '../support/spool-records.ts';

const { writeSync, ftruncateSync } = fs;
/** Bytes that the disk still takes. */
let left = Number.POSITIVE_INFINITY;
function write(fd: number, bytes: Uint8Array, offset = 0): number {
  const size = Math.min(bytes.length - offset, left);
  if (size === 0) throw Object.assign(new Error('EIO'), { code: 'EIO' });
  left -= size;
  return writeSync(fd, bytes, offset, size);
}
function truncate(fd: number, length: number): void {
  if (left === 0) throw Object.assign(new Error('EIO'), { code: 'EIO' });
  ftruncateSync(fd, length);
}
const use = (functions: object): void => {
  Object.assign(fs, functions);
  syncBuiltinESMExports();
};

t.test(
  'P24 a line that stood in the spool is never given out again with other content, and what it opened is let in',
  async (t) => {
    const directory = new SpoolDirectory(t.testdir());
    const spool = new SpoolWriter({ directory, log: silentLog, maxBytes: 1e9 });
    const controller = recordKeeper();
    const disputed: number[] = [];
    const send = async (id: string, records: SpooledRecord[]) => {
      const known = new Map(controller.kept.get(id)?.map((line) => [line.seq, JSON.stringify(line)]));
      for (const line of records)
        if ((known.get(line.seq) ?? JSON.stringify(line)) !== JSON.stringify(line)) disputed.push(line.seq);
      return controller.send(id, records);
    };
    const delivery = new RecordDelivery({ gateway: 'gw-1', directory, log: silentLog, send });
    use({ writeSync: write, ftruncateSync: truncate });
    t.teardown(() => use({ writeSync, ftruncateSync }));
    const request = { method: 'GET', host: 'wiki.corp.example', path: '/'.repeat(1000) };
    const opened: string[] = [];
    const open = async () => {
      const access = accessOf(spoolRecord({ phase: 'opening', request }));
      await openIn(spool, access);
      opened.push(access.id);
      return access;
    };

    left = 40_000;
    const turn = await Promise.allSettled(Array.from({ length: 60 }, open));
    const letIn = turn.filter(({ status }) => status === 'fulfilled').length;
    t.ok(letIn > 10 && letIn < 50, `${letIn} of 60 stand in whole lines`);
    await delivery.deliverAll();
    t.equal(controller.all().length, letIn);
    left = Number.POSITIVE_INFINITY;
    for (const one of turn) if (one.status === 'fulfilled') spool.tellLater(one.value, closingOf(one.value));
    for (let tries = 0; opened.length === letIn && tries < 200; tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      await open().then(
        (access) => spool.tellLater(access, closingOf(access)),
        () => {},
      );
    }
    spool.stop();
    await delivery.stop();
    const told = controller.all();
    t.same(disputed, []);
    t.same(
      told.filter(({ phase }) => phase === 'opening').map(({ id }) => id),
      opened,
    );
    t.equal(told.filter(({ phase }) => phase === 'closing').length, letIn + 1);
    t.notOk(told.some(({ event }) => event === 'records-lost'));
  },
);
