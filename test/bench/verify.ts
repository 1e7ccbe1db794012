/** `posternctl log verify`: every record, column, disclosure and tile of a log compared with its tree, in threads. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { systemClock } from '#shared/base/clock.ts';
import { silentLog } from '#shared/base/log.ts';
import type { LogFault } from '#shared/contracts/admin-proofs.ts';
import { newMasterKey, parseMasterKey, Sealer } from '#shared/crypto/seal.ts';
import { digestOf, disclosureTexts } from '#shared/log/disclosures.ts';
import { entriesPath, tileWidth } from '#shared/log/tile-path.ts';
import { hashBytes, leafTextHash, rootOfBytes } from '#shared/log/tree-hash.ts';
import { readLogKeys } from '../../controller/authority/log-keys.ts';
import { LogKeeper } from '../../controller/log/log-keeper.ts';
import { readEntries } from '../../controller/log/read-entries.ts';
import { recordRow } from '../../controller/log/record-row.ts';
import { verifyFiles } from '../../controller/log/verify/verify-files.ts';
import { verifyLog } from '../../controller/log/verify/verify-log.ts';
import { openStore } from '../../controller/store/open-store.ts';
import { type Bench, median, perCpuSecond, type Run, whole } from './measure.ts';

const count = Number(process.env['BENCH_VERIFY_RECORDS'] ?? 1_000_000);
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
      if (first % (atOnce * 400) === 0) run.tell(`${whole(first)} records written`);
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
    const { dir } = keeper.tiles;
    const log = await inRounds(run, 'log', async () => {
      const { faults } = await verifyLog({ db, file, dir, state, keys });
      return faults;
    });
    for (let index = 0; index * tileWidth < count; index += 1) {
      const bundle = { index, width: Math.min(tileWidth, count - index * tileWidth) };
      const path = join(dir, entriesPath(bundle));
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, await readEntries(db, bundle));
    }
    const files = await inRounds(run, 'files', () => verifyFiles({ dir, keys }).verdict.faults);
    const hashes = await perCpuSecond(count, hashOnly);
    return [
      {
        what: `records a second verified, by ${availableParallelism()} threads on ${cpus().length} processors`,
        measured: whole(log.rate),
        beside: `by the processor ${whole(log.perCpu)}/s of one core, ${(1e6 / log.perCpu).toFixed(2)} us each; hashes of leaves, disclosures and tree alone ${whole(hashes)}/s`,
      },
      {
        what: 'records a second verified, of files alone, one thread',
        measured: whole(files.rate),
        beside: `by the processor ${whole(files.perCpu)}/s of one core`,
      },
      { what: 'records a second put in order, tiled and signed', measured: whole(ordered) },
    ];
  },
};

/** Medians; the threads' start is in them. */
async function inRounds(run: Run, name: string, verify: () => Promise<readonly LogFault[]> | readonly LogFault[]) {
  const rates: number[] = [];
  const perCpus: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const start = performance.now();
    perCpus.push(
      await perCpuSecond(count, async () => {
        const [fault] = await verify();
        if (fault !== undefined) throw new Error(JSON.stringify(fault));
      }),
    );
    rates.push((count * 1000) / (performance.now() - start));
    run.tell(
      `${name}, round ${round + 1} of ${rounds}: ${whole(rates.at(-1)!)}/s, of one core ${whole(perCpus.at(-1)!)}/s`,
    );
  }
  return { rate: median(rates), perCpu: median(perCpus) };
}

/** What no verifier can do without: for each record its leaf, its disclosures, and a node of the tree. */
function hashOnly(): void {
  const { leaf, disclosures } = rowOf(1);
  const shown = disclosureTexts(disclosures);
  const hashes = Buffer.alloc(tileWidth * hashBytes);
  for (let first = 0; first < count; first += tileWidth) {
    for (let at = first; at < Math.min(first + tileWidth, count); at += 1) {
      leafTextHash(leaf);
      for (const one of shown) digestOf(one);
    }
    rootOfBytes(hashes);
  }
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
