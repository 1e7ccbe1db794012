/** Grants issued by one process: facts, decision, snapshot, record, row and signature, with 1,000 policies of other apps. */
import { join } from 'node:path';
import { issueGrant } from '../../controller/grants/issue-grant.ts';
import { BatchedTransactions } from '../../controller/store/batched-transactions.ts';
import { deviceId, PolicyDesk, sessionId, wikiApp } from '../support/policy-desk.ts';
import { type Bench, median, perCpuSecond, percentile, type Result, type Run, whole } from './measure.ts';

const operations = 2000;
const rounds = 5;
const others = 1000;

const policies = `
permit (principal in Group::"staff", action, resource == App::"wiki") when { context.session.secondFactorAge <= 36000 };
forbid (principal, action, resource == App::"wiki") when { context.risk.level > 80 };
${Array.from({ length: others }, (_, n) => `permit (principal, action, resource == App::"app-${n}") when { context.device.screenLock };`).join('\n')}`;

/** `together`: asks under way at once, which share transactions as the controller's do. */
async function measure(file: string, together: number, { defer }: Run): Promise<Omit<Result, 'what'>> {
  const desk = await PolicyDesk.open(file);
  defer(() => desk.store.stop());
  for (let n = 0; n < others; n++) await desk.putApp({ ...wikiApp, id: `app-${n}` });
  await desk.publish(policies);
  const parts = together === 1 ? desk.grantParts : { ...desk.grantParts, batch: new BatchedTransactions(desk.db) };
  const ask = {
    device: deviceId,
    jkt: desk.jkt,
    session: sessionId,
    app: 'wiki',
    act: 'request',
    idleMs: 0,
    address: '10.1.2.3',
    trace: 'a'.repeat(32),
  } as const;
  const took: number[] = [];
  const one = async () => {
    const began = performance.now();
    await issueGrant(parts, ask);
    took.push(performance.now() - began);
  };
  const work = async () => {
    let left = operations;
    const worker = async () => {
      while (left-- > 0) await one();
    };
    await Promise.all(Array.from({ length: together }, worker));
  };
  await work();
  took.length = 0;
  const began = performance.now();
  const rates: number[] = [];
  for (let round = 0; round < rounds; round++) rates.push(await perCpuSecond(operations, work));
  const byClock = (rounds * operations * 1000) / (performance.now() - began);
  return {
    measured: whole(median(rates)),
    beside: `by the clock ${whole(byClock)}; p50 ${percentile(took, 0.5).toFixed(1)} ms, p99 ${percentile(took, 0.99).toFixed(1)} ms`,
  };
}

export const grants: Bench = {
  name: 'grants',
  about: 'grants in a second of one core, store in memory and in a file, 1,000 policies of other apps',
  async run(run) {
    return [
      { what: 'grants a second of one core, in memory, one after another', ...(await measure(':memory:', 1, run)) },
      {
        what: 'grants a second of one core, in a file, 32 at once',
        ...(await measure(join(run.dir, 'store'), 32, run)),
      },
    ];
  },
};
