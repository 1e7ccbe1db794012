/** Posture reports into a store: signed by the device or not, of the right shape or nearly. What is taken is then decided on. */
import fc from 'fast-check';
import { PosternError } from '#shared/base/errors.ts';
import { postureReport, postureReportType } from '#shared/contracts/posture.ts';
import { generateKeyPair } from '#shared/crypto/keys.ts';
import { writePostureSettings } from '../../../controller/posture/posture-settings.ts';
import { takeReport } from '../../../controller/posture/take-report.ts';
import { deviceId, PolicyDesk } from '../../support/policy-desk.ts';
import { fromSchema, nearValid } from '../from-schema.ts';
import { applyEdits, type Edit, edits } from '../mutate.ts';
import { type FuzzTarget, must, type OpenTarget } from '../target.ts';

interface Case {
  readonly report: unknown;
  readonly by: 'device' | 'other' | 'class';
  readonly edits: readonly Edit[];
}

const cases: fc.Arbitrary<Case> = fc.record({
  report: fc.oneof(fromSchema(postureReport), fromSchema(postureReport).map(once), nearValid(postureReport)),
  by: fc.oneof(
    { weight: 12, arbitrary: fc.constant('device' as const) },
    fc.constantFrom('other' as const, 'class' as const),
  ),
  edits: edits({ tokens: ['.', '=', '-', '_', '..'] }),
});

/** Each fact once, its value fit for its status: what random reports seldom are. */
function once(report: unknown): unknown {
  const { facts, ...rest } = report as { facts: { fact: string; value: unknown; status: string }[] };
  const known = new Map(facts.map((fact) => [fact.fact, fact]));
  const fit = [...known.values()].map((fact) => (fact.value === null ? { ...fact, status: 'unknown' } : fact));
  return { ...rest, facts: fit.filter(({ value, status }) => (value === null) === (status === 'unknown')) };
}

const refusals = new Set(['token-malformed', 'token-type', 'bad-request', 'conflict']);
const policy = `permit(principal, action, resource) when {
  context.device.diskEncrypted && context.device.patchAgeDays < 30 && context.device.osVersion like "*24*" &&
  context.device.osMajor >= 11 && !context.device.checks.contains("a") };`;
const checks = ['a', 'b', '0'].map((id) => ({ id, title: id, kind: 'command' as const, command: id }));

export const posture: FuzzTarget = {
  name: 'posture',
  about: 'posture reports into the store of a controller, and decisions on what was taken',
  block: 100,
  async open() {
    const desk = await PolicyDesk.open();
    await desk.publish(policy);
    await desk.db.transaction().execute((trx) => writePostureSettings(trx, { checks }));
    const other = generateKeyPair();
    const { db } = desk;
    const clear = async () => {
      for (const table of ['posture_facts', 'records', 'grants', 'fact_snapshots'] as const)
        await db.deleteFrom(table).execute();
      await db.deleteFrom('changes').where('n', '<', 1_000_000_000).execute();
      await db.updateTable('devices').set({ posture_seq: 0 }).execute();
    };
    return {
      cases: cases as fc.Arbitrary<never>,
      async judge({ report, by, edits }: Case) {
        await db.deleteFrom('posture_facts').execute();
        await db.updateTable('devices').set({ posture_seq: 0 }).execute();
        const typ = by === 'class' ? 'postern-grant+jwt' : postureReportType;
        const payload = typeof report === 'object' && report !== null ? report : { report };
        const signed = desk.sign(payload, typ, by === 'other' ? other.privateKey : desk.deviceKey.privateKey);
        const text = applyEdits(Buffer.from(signed), edits).toString('latin1');
        const trace = 'a'.repeat(32);
        const taken = await takeReport(desk.postureParts, { text, peer: desk.peer, trace }).catch((error: unknown) => {
          must(error instanceof PosternError && refusals.has(error.code), `${error}`);
          return undefined;
        });
        const rows = await db.selectFrom('posture_facts').selectAll().execute();
        if (taken === undefined) must(rows.length === 0, 'a report that was refused left facts');
        else {
          must(by === 'device', 'a report of another key or class was taken');
          must(
            text.split('.').slice(0, 2).join('.') === signed.split('.').slice(0, 2).join('.'),
            'an altered report was taken',
          );
          must(
            rows.every(({ device_id }) => device_id === deviceId) && rows.length <= 32 + checks.length,
            'other facts',
          );
          const again = takeReport(desk.postureParts, { text, peer: desk.peer, trace });
          must((await again.catch((error: unknown) => (error as PosternError).code)) === 'conflict', 'taken twice');
        }
        const answer = await desk.grant().catch((error: unknown) => error);
        const ok = !(answer instanceof Error) || (answer instanceof PosternError && answer.code !== 'internal');
        must(ok, `a decision on it failed: ${answer}`);
      },
      settle: clear,
      close: () => desk.store.stop(),
    } as OpenTarget<never>;
  },
};
