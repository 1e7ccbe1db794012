/** Replay beside the slow way: every recorded ask judged again, whole, one by one, by what issues grants. */
import fc from 'fast-check';
import t from 'tap';
import { replay } from '../../../controller/analysis/replay.ts';
import { judgeAsk } from '../../../controller/grants/judge-ask.ts';
import { loadApp } from '../../../controller/grants/load-facts.ts';
import { decide } from '../../../controller/policy/decide.ts';
import type { Facts } from '../../../controller/policy/facts.ts';
import type { PolicySet } from '../../../controller/policy/policy-set.ts';
import { takeReport } from '../../../controller/posture/take-report.ts';
import { allows } from '../../../gateway/grants/allows.ts';
import { RuleCompiler } from '../../../gateway/grants/compile-rules.ts';
import { madePolicies } from '../../support/draft-policies.ts';
import { PolicyDesk, sshApp, wikiApp } from '../../support/policy-desk.ts';
import { compile } from '../../support/policy-facts.ts';
import { GatewaySpool } from '../../support/recorded-accesses.ts';
import { storedRecords } from '../../support/stored-records.ts';

const requests = [
  { method: 'GET', host: 'wiki.test', path: '/a', query: '' },
  { method: 'POST', host: 'wiki.test', path: '/reports/7/export', query: '' },
  { method: 'GET', host: 'wiki.test', path: '/reports/7', query: '' },
] as const;

let trace = 0;
const newTrace = () => (++trace).toString(16).padStart(32, '0');

/** A few days at the desk: facts, addresses and policies change, and somebody asks for grants and uses them. */
async function fill(desk: PolicyDesk, versions: readonly string[], steps: readonly number[]): Promise<void> {
  const spool = new GatewaySpool(desk);
  const dice = [...steps];
  const roll = (sides: number) => (dice.shift() ?? 0) % sides;
  for (const version of versions) {
    await desk.publish(version);
    for (let n = 0; n < 6; n += 1) {
      desk.now += roll(700_000);
      const choice = roll(5);
      const at = desk.now - roll(1_200_000);
      if (choice === 0)
        await desk.db
          .updateTable('people')
          .set({ risk: roll(100) })
          .execute();
      if (choice === 1) await desk.db.updateTable('sessions').set({ second_factor_at: at }).execute();
      if (choice === 2) await report(desk, roll(2) === 0);
      const address = roll(2) === 0 ? '10.1.2.3' : '192.0.2.7';
      const request = requests[roll(requests.length)]!;
      const ssh = roll(4) === 0;
      const over = ssh ? { app: 'ssh', act: 'connect' as const } : { request };
      const given = await desk.grant({ ...over, address, trace: newTrace() }).catch(() => undefined);
      if (given === undefined) continue;
      const { query: _, ...shown } = request;
      const operation = request.path.endsWith('/export') ? { operation: 'export' } : {};
      const seen = ssh ? {} : { request: { ...shown, ...operation } };
      const rules = new RuleCompiler().compile(given.claims.rules);
      const ruled = { request: ssh ? undefined : request, address, app: ssh ? sshApp : wikiApp };
      // The gateway refuses it, by what it sees.
      if (allows(rules, ruled).verdict !== 'allow') continue;
      await spool.deliver(spool.access(given.claims, { ...seen, from: address, trace: newTrace() }));
    }
  }
}

const report = (desk: PolicyDesk, firewallOn: boolean) =>
  takeReport(desk.postureParts, { text: desk.report({ firewallOn }), peer: desk.peer, trace: 'a'.repeat(32) });

async function bruteForce(desk: PolicyDesk, draft: PolicySet): Promise<string[]> {
  const flips: string[] = [];
  for (const one of await storedRecords(desk.db)) {
    if (one.kind !== 'grant' && one.kind !== 'access') continue;
    const row = await desk.db
      .selectFrom('fact_snapshots')
      .select('facts')
      .where('id', '=', one.facts!)
      .executeTakeFirst();
    const recorded = JSON.parse(row!.facts) as Facts;
    const facts = { ...recorded, network: { address: one.from! } };
    const app = await loadApp(desk.db, one.app!);
    const act = app!.kind === 'http' ? 'request' : 'connect';
    const request = one.request && { ...one.request, operation: one.request.operation ?? '', query: '' };
    const { id, kind, site, groups = [] } = app!;
    const question = { facts, app: { id, kind, site, groups }, act, request, at: one.time } as const;
    const ask = { facts, appId: one.app!, app, act, request, at: one.time, idle: false, checks: [] } as const;
    const now = one.kind === 'access' ? decide(draft, question).verdict : judgeAsk(draft, ask).allow ? 'allow' : 'deny';
    if (now !== one.verdict) flips.push(`${one.trace} ${now}`);
  }
  return flips.sort();
}

t.test('P32 generated policies: the flips are exactly those of judging each again', async (t) => {
  let flipped = 0;
  let verdicts = 0;
  const versions = fc.tuple(fc.constant('permit(principal, action, resource);'), madePolicies);
  const steps = fc.array(fc.nat(10_000_000), { minLength: 90, maxLength: 90 });
  await fc.assert(
    fc.asyncProperty(
      versions,
      steps,
      fc.array(madePolicies, { minLength: 4, maxLength: 4 }),
      async (old, dice, drafts) => {
        const desk = await PolicyDesk.open();
        try {
          await fill(desk, old, dice);
          const order = { from: 0, to: desk.now, limit: 10_000 };
          const honest = await replay(desk.db, order, undefined);
          if (honest.flips.length > 0 || honest.undetermined > 0)
            throw new Error(`disagrees: ${JSON.stringify(honest)}`);
          for (const draft of drafts.map((text) => compile(text))) {
            const found = await replay(desk.db, order, draft);
            const flips = found.flips.map((flip) => `${flip.trace} ${flip.direction.split('-').at(-1)}`).sort();
            if (JSON.stringify(flips) !== JSON.stringify(await bruteForce(desk, draft)) || found.undetermined > 0)
              throw new Error(`replay says ${JSON.stringify(found)}`);
            flipped += flips.length;
            verdicts += found.verdicts;
          }
        } finally {
          await desk.store.stop();
        }
      },
    ),
    { numRuns: 25 },
  );
  t.ok(flipped > 50, `${flipped} of ${verdicts} verdicts flipped`);
});
