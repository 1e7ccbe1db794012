/** A worker process: one data path, told what to do by its primary and gone when its primary is. */
import process from 'node:process';
import { systemClock } from '#shared/base/clock.ts';
import { createLog } from '#shared/base/log.ts';
import { LetIns } from '#shared/wire/doors/let-ins.ts';
import { DataPath } from '../from-agents/data-path.ts';
import type { Renewal } from '../grants/renew-streams.ts';
import { openKeys } from '../keystore/key-files.ts';
import { SpoolDirectory } from '../records/spool-directory.ts';
import { SpoolWriter } from '../records/spool-writer.ts';
import { UseFiles, useFolderOf } from '../records/use-files.ts';
import { holdAsWorker } from './former-workers.ts';
import { RemoteMemory } from './remote-memory.ts';
import type { FromWorker, ToWorker, WorkerStart } from './worker-messages.ts';

const say = (message: FromWorker): void => {
  // The primary may be gone already; then this process ends too.
  if (process.connected) process.send?.(message);
};

const renewals = new Map<number, (renewal: Renewal) => void>();
let nextRenewal = 1;
let knocks: RemoteMemory | undefined;
const letIns = new LetIns(systemClock, () => say({ t: 'came-in' }));
let path: DataPath | undefined;
let spool: SpoolWriter | undefined;

async function start(order: WorkerStart): Promise<void> {
  const log = createLog('postern-gateway', order.logLevel);
  holdAsWorker(order.dir);
  let told = order.spool;
  const tellSegment = () => {
    if (spool === undefined || spool.spool === told) return;
    told = spool.spool;
    say({ t: 'spool', spool: told });
  };
  spool = new SpoolWriter({
    directory: new SpoolDirectory(order.spoolDir),
    log,
    ...order.spoolLimits,
    spool: order.spool,
    // The segment may change after the write of which this tells, so that the next write tells of it.
    onWritten: () => setImmediate(tellSegment),
  });
  if (order.knocksSince !== undefined) {
    knocks = new RemoteMemory(order.knocksSince, (id, key, counter) => say({ t: 'counter', id, key, counter }));
  }
  for (const change of order.letIns) letIns.apply(change);
  path = new DataPath({
    identity: order.identity,
    keys: openKeys(order.dir),
    own: order.own,
    listen: order.listen,
    preludePort: order.preludePort,
    shareDir: order.shareDir,
    workers: order.workers,
    clock: systemClock,
    log,
    records: spool,
    used: new UseFiles(useFolderOf(order.spoolDir)),
    first: order.first,
    times: order.times,
    knocks,
    letIns,
    renewEverywhere: (texts, peer) =>
      new Promise((resolve) => {
        const id = nextRenewal;
        nextRenewal += 1;
        renewals.set(id, resolve);
        say({ t: 'renew-all', id, order: { texts, peer } });
      }),
    onUnknownKey: () => say({ t: 'unknown-key' }),
  });
  const { address, port } = await path.start();
  say({ t: 'ready', place: { host: address, port } });
}

async function stop(): Promise<void> {
  await path?.stop();
  spool?.stop();
  process.exit(0);
}

function onMessage(message: ToWorker): void {
  switch (message.t) {
    case 'start':
      start(message.start).catch((error: unknown) => {
        say({ t: 'failed', why: error instanceof Error ? error.message : String(error) });
        process.exitCode = 1;
        process.disconnect?.();
      });
      return;
    case 'apply':
      // A message that cannot be applied here ends this worker: the primary has applied it and starts another.
      say({ t: 'answer', id: message.id, value: path?.apply(message.message, message.times) ?? 0 });
      return;
    case 'own':
      path?.setCertificate(message.own);
      return;
    case 'renew-here':
      say({ t: 'answer', id: message.id, value: path?.renew(message.order.texts, message.order.peer) });
      return;
    case 'renewed':
      renewals.get(message.id)?.(message.renewal);
      renewals.delete(message.id);
      return;
    case 'let-in':
      letIns.apply(message.change);
      letIns.forgetOld();
      return;
    case 'knock':
      path?.recordKnock(message.sample);
      return;
    case 'counted':
      knocks?.answered(message.id, message.good);
      return;
    case 'counts':
      say({ t: 'answer', id: message.id, value: path?.counts() ?? {} });
      return;
    case 'stop':
      void stop();
  }
}

process.on('message', (message) => onMessage(message as ToWorker));
// Without its primary nobody tells it what was taken back.
process.on('disconnect', () => process.exit(process.exitCode ?? 1));
// A terminal signals the whole group; the primary says when to stop.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => {});
