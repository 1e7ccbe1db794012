/** A bundle of evidence as one tar file: made of a log with its proofs, and checked by the standalone verifier, which reads it piece by piece. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { systemClock } from '#shared/base/clock.ts';
import { silentLog } from '#shared/base/log.ts';
import { newMasterKey, parseMasterKey, Sealer } from '#shared/crypto/seal.ts';
import { formatNoteKey } from '#shared/log/note-key.ts';
import { packVerifier } from '#shared/log/pack-verifier.ts';
import { readLogKeys } from '../../controller/authority/log-keys.ts';
import { LogKeeper } from '../../controller/log/log-keeper.ts';
import { openStore } from '../../controller/store/open-store.ts';
import { makeBundle } from '../support/made-bundle.ts';
import { writeLogData } from './log-data.ts';
import { type Bench, type Run, whole } from './measure.ts';

const count = Number(process.env['BENCH_EVIDENCE_RECORDS'] ?? 1_000_000);

export const evidence: Bench = {
  name: 'evidence',
  about: `making and checking a bundle of ${whole(count)} records (BENCH_EVIDENCE_RECORDS), and the verifier's memory`,
  async run(run) {
    const checker = join(run.dir, 'verifier');
    for (const { path, text } of packVerifier()) {
      mkdirSync(dirname(join(checker, path)), { recursive: true });
      writeFileSync(join(checker, path), text);
    }
    const small = await measure(run, checker, 1000);
    const large = await measure(run, checker, count);
    return [
      {
        what: 'records a second put into a bundle, with proofs',
        measured: whole(large.made),
        beside: `${whole(large.bytes / 1e6)} MB for ${whole(count)} records`,
      },
      {
        what: 'records a second checked by the standalone verifier, one thread',
        measured: whole(large.checked),
        beside: `by the processor ${whole(large.perCpu)}/s`,
      },
      {
        what: `most memory of the verifier for ${whole(count)} records`,
        measured: `${whole(large.megabytes)} MB`,
        beside: `${whole(small.megabytes)} MB for 1,000`,
      },
    ];
  },
};

async function measure(run: Run, checker: string, records: number) {
  const dir = join(run.dir, String(records));
  mkdirSync(dir);
  const file = join(dir, 'controller.db');
  await writeLogData(file, records, run.tell);
  const store = await openStore(file);
  const sealer = new Sealer({ current: parseMasterKey(newMasterKey()) });
  const parts = { db: store.db, sealer, clock: systemClock, log: silentLog, dir, everyMs: 0 };
  const keeper = await LogKeeper.open({ ...parts, trustDomain: 'bench.example' });
  await keeper.settle();
  const tar = join(dir, 'evidence.tar');
  const began = performance.now();
  await makeBundle(tar, { db: store.db, keeper });
  const made = (records * 1000) / (performance.now() - began);
  const key = formatNoteKey((await readLogKeys(store.db)).at(-1)!.key);
  await keeper.stop();
  await store.stop();
  const bytes = statSync(tar).size;
  run.tell(`${whole(records)} records in a bundle of ${whole(bytes / 1e6)} MB`);
  const code = `import { checkMain } from ${JSON.stringify(join(checker, 'log/check-main.mjs'))};
    const began = performance.now();
    const code = checkMain(process.argv.slice(1), () => {}, console.error);
    const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
    console.log(JSON.stringify({ ms: performance.now() - began, cpu: userCPUTime + systemCPUTime, maxRSS }));
    process.exitCode = code;`;
  const ran = spawnSync(process.execPath, ['--input-type=module', '-e', code, '--', tar, '--key', key]);
  if (ran.status !== 0) throw new Error(`the bundle does not hold: ${ran.stderr}`);
  const { ms, cpu, maxRSS } = JSON.parse(String(ran.stdout)) as Record<'ms' | 'cpu' | 'maxRSS', number>;
  rmSync(dir, { recursive: true });
  return { made, bytes, checked: (records * 1000) / ms, perCpu: (records * 1e6) / cpu, megabytes: maxRSS / 1024 };
}
