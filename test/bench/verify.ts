/** `posternctl log verify`: every record, column, disclosure and tile of a log compared with its tree, in threads. */
import { join } from 'node:path';
import { systemClock } from '#shared/base/clock.ts';
import { silentLog } from '#shared/base/log.ts';
import { newMasterKey, parseMasterKey, Sealer } from '#shared/crypto/seal.ts';
import { leafHash, rootOf } from '#shared/log/tree-hash.ts';
import { readLogKeys } from '../../controller/authority/log-keys.ts';
import { LogKeeper } from '../../controller/log/log-keeper.ts';
import { recordRow } from '../../controller/log/record-row.ts';
import { verifyLog } from '../../controller/log/verify/verify-log.ts';
import { openStore } from '../../controller/store/open-store.ts';
import { type Bench, median, whole } from './measure.ts';

const count = Number(process.env['BENCH_VERIFY_RECORDS'] ?? 300_000);
const rounds = 3;
const atOnce = 250;

export const verify: Bench = {
  name: 'verify',
  about: `records a second that log verify compares with the tree, of ${whole(count)} (BENCH_VERIFY_RECORDS)`,
  async run(run) {
    const file = join(run.dir, 'controller.db');
    const store = await openStore(file);
    run.defer(() => store.stop());
    const { db } = store;
    for (let first = 0; first < count; first += atOnce * 40) {
      await db.transaction().execute(async (trx) => {
        for (let from = first; from < Math.min(first + atOnce * 40, count); from += atOnce) {
          await trx
            .insertInto('records')
            .values(Array.from({ length: atOnce }, (_, at) => rowOf(from + at)))
            .execute();
        }
      });
      run.tell(`${whole(first)} records written`);
    }
    const sealer = new Sealer({ current: parseMasterKey(newMasterKey()) });
    const parts = {
      db,
      sealer,
      clock: systemClock,
      log: silentLog,
      dir: run.dir,
      trustDomain: 'bench.example',
      everyMs: 0,
    };
    const keeper = await LogKeeper.open(parts);
    run.defer(() => keeper.stop());
    const began = performance.now();
    const state = await keeper.settle();
    const ordered = (count * 1000) / (performance.now() - began);
    const keys = (await readLogKeys(db)).map(({ key }) => key);
    const rates: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const start = performance.now();
      const { faults } = await verifyLog({ db, file, dir: keeper.tiles.dir, state, keys });
      if (faults.length > 0) throw new Error(JSON.stringify(faults[0]));
      rates.push((count * 1000) / (performance.now() - start));
      run.tell(`round ${round + 1} of ${rounds}: ${whole(rates.at(-1)!)}/s`);
    }
    return [
      {
        what: 'records a second verified',
        measured: whole(median(rates)),
        beside: `${whole(hashOnly())}/s on one core for hashes of leaves and tree alone`,
      },
      { what: 'records a second put in order, tiled and signed', measured: whole(ordered) },
    ];
  },
};

/** What no verifier can do without. */
function hashOnly(): number {
  const { leaf } = rowOf(1);
  const began = performance.now();
  const hashes = Array.from({ length: 100_000 }, () => leafHash(Buffer.from(leaf)));
  rootOf(hashes);
  return (hashes.length * 1000) / (performance.now() - began);
}

function rowOf(index: number): ReturnType<typeof recordRow> {
  const id = `rec_${String(index).padStart(16, '0')}`;
  return recordRow(
    {
      id,
      time: 1_764_000_000_000 + index,
      kind: 'access',
      phase: index % 2 === 0 ? 'opening' : 'closing',
      trace: index.toString(16).padStart(32, '0'),
      verdict: 'allow',
      reasons: ['grant-valid'],
      person: `person-${index % 500}`,
      device: 'dev_aaaaaaaa',
      session: 'ses_0000000001',
      app: 'wiki',
      gateway: 'gw-1',
      grant: `gr_${String(index >> 6).padStart(16, '0')}`,
      from: '10.1.2.3',
      request: { method: 'GET', host: 'wiki.corp.internal', path: `/pages/${index}` },
      epoch: 3,
      ...(index % 2 === 0 ? {} : { opening: id, status: 200, bytesUp: 0, bytesDown: 512, durationMs: 3 }),
    },
    { gateway: 'gw-1', spool: 'spl_1', seq: index + 1, digest: '00' },
  );
}
