/** Batches of records as gateways deliver them, held against a model of "exactly once, in order, by (spool, sequence)". */
import fc from 'fast-check';
import { PosternError } from '#shared/base/errors.ts';
import { gatewayToController } from '#shared/contracts/gateway-to-controller.ts';
import { type AccessRecord, accessRecord, type SpooledRecord } from '#shared/contracts/record.ts';
import { compileRoute } from '#shared/wire/check-route.ts';
import { judgeTime } from '../../../controller/from-gateways/judge-time.ts';
import { disputeOf } from '../../../controller/from-gateways/judge-told.ts';
import { takeRecords } from '../../../controller/from-gateways/take-records.ts';
import { canonicalJson } from '../../../controller/grants/snapshot-facts.ts';
import { type Db, openStore } from '../../../controller/store/open-store.ts';
import { storedRecords } from '../../support/stored-records.ts';
import { fromSchema, nearValid } from '../from-schema.ts';
import { applyEdits, type Edit, edits } from '../mutate.ts';
import { type FuzzTarget, must, type OpenTarget } from '../target.ts';

interface Batch {
  readonly spool: string;
  /** Where it begins beside what the controller has: 1 is right. */
  readonly ahead: number;
  readonly records: readonly unknown[];
  readonly edits: readonly Edit[];
}

const route = gatewayToController.records;
const gateway = 'gw-1';
const arrived = 1000;
const own = fromSchema(accessRecord).map((record) => {
  const { event: _, erased: __, arrived: ___, ...access } = record as AccessRecord;
  return { ...access, gateway, kind: 'access' };
});
const batch: fc.Arbitrary<Batch> = fc.record({
  spool: fc.oneof(
    { weight: 20, arbitrary: fc.constantFrom('spl_00000001', 'spl_00000002') },
    fc.constantFrom('', 'SPL', '__proto__'),
  ),
  ahead: fc.oneof({ weight: 4, arbitrary: fc.constant(1) }, fc.integer({ min: -3, max: 3 })),
  records: fc.array(
    fc.oneof(
      { weight: 12, arbitrary: own as fc.Arbitrary<unknown> },
      { weight: 1, arbitrary: fromSchema(accessRecord) },
      { weight: 1, arbitrary: nearValid(accessRecord) },
    ),
    { minLength: 1, maxLength: 6 },
  ),
  edits: edits({ tokens: ['"', ',', '{', '}', '[', ':', '1e400', '-'], most: 2 }),
});

export const records: FuzzTarget = {
  name: 'records',
  about: 'batches of records into the log of a controller',
  block: 150,
  async open() {
    const store = await openStore(':memory:');
    const { db } = store;
    const checks = compileRoute('records', route);
    const read = (text: string) => {
      try {
        return checks.readRequest({ params: {}, query: {}, body: JSON.parse(text) }).body as {
          spool: string;
          records: SpooledRecord[];
        };
      } catch (error) {
        const isRefusal =
          error instanceof SyntaxError || (error instanceof PosternError && error.code === 'bad-request');
        must(isRefusal, `${error}`);
        return undefined;
      }
    };
    return {
      cases: fc.array(batch, { minLength: 1, maxLength: 5 }) as fc.Arbitrary<never>,
      async judge(batches: readonly Batch[]) {
        await db.deleteFrom('records').execute();
        await db.deleteFrom('gateway_doubts').execute();
        const model = new Map<string, SpooledRecord[]>();
        let alarms = 0;
        for (const { spool, ahead, records, edits } of batches) {
          const first = (model.get(spool)?.length ?? 0) + ahead;
          const lines = records.map((record, index) => ({ seq: first + index, record }));
          const body = read(applyEdits(Buffer.from(JSON.stringify({ spool, records: lines })), edits).toString());
          if (body === undefined) continue;
          const isOwn = body.records.every(
            ({ record }) => record.gateway === gateway && tellsOfItself(record) && isUnicode(record),
          );
          const taken = await takeRecords(db, arrived, { gateway, ...body }).catch((error: unknown) => {
            must(error instanceof PosternError && error.code === 'bad-request' && !isOwn, `${error}`);
            return undefined;
          });
          must((taken === undefined) === !isOwn, "a record in another's name was taken");
          if (taken === undefined) continue;
          alarms += apply(model, body);
          const { through } = taken;
          must(through === (model.get(body.spool)?.length ?? 0), `${through} is not what it has taken`);
        }
        await compare(db, model, alarms);
      },
      settle: async () => {
        await db.deleteFrom('records').execute();
        await db.deleteFrom('gateway_doubts').execute();
      },
      close: () => store.stop(),
    } as OpenTarget<never>;
  },
};

function isUnicode(value: unknown): boolean {
  if (typeof value === 'string') return value.isWellFormed();
  if (typeof value !== 'object' || value === null) return true;
  return Object.entries(value).every((member) => member.every(isUnicode));
}

const ownEvents = ['started', 'stopped', 'ended-unclean', 'paused', 'knocks'];
/** An access, or what a gateway may tell of itself. */
function tellsOfItself({ kind, event, person, actor }: AccessRecord): boolean {
  if (kind === 'access') return event === undefined;
  return kind === 'gateway' && ownEvents.includes(event ?? '') && person === undefined && actor === undefined;
}

/** How many places were told with other content. */
function apply(model: Map<string, SpooledRecord[]>, body: { spool: string; records: SpooledRecord[] }): number {
  const kept = model.get(body.spool) ?? [];
  model.set(body.spool, kept);
  let alarms = 0;
  for (const line of body.records) {
    if (line.seq > kept.length + 1) break;
    const twin = kept[line.seq - 1];
    if (twin === undefined) kept.push(line);
    else if (JSON.stringify(twin.record) !== JSON.stringify(line.record)) alarms += 1;
  }
  return alarms;
}

/** Names of policies and facts are never taken from a gateway; numbers that no version has here stay numbers. */
function asKept({ facts: _, appFacts: __, policies: ___, numbers = [], ...record }: AccessRecord): AccessRecord {
  return { ...record, arrived, ...(numbers.length === 0 ? {} : { numbers }) };
}

async function compare(db: Db, model: ReadonlyMap<string, SpooledRecord[]>, alarms: number): Promise<void> {
  const stored = await storedRecords(db);
  const told = stored.filter(({ kind }) => kind !== 'log').map((record) => canonicalJson(record));
  const expected = [...model.values()].flat().map(({ record }) => canonicalJson(asKept(record)));
  must(
    JSON.stringify(told.toSorted()) === JSON.stringify(expected.toSorted()),
    'the log holds something else than was told',
  );
  const count = (event: string) => stored.filter((record) => record.event === event).length;
  must(count('record-rewritten') === alarms, 'a rewritten record raised no alarm');
  const isMisdated = told.some((text) => judgeTime((JSON.parse(text) as AccessRecord).time, { since: 0, arrived }));
  const isDisputed = told.some((text) =>
    disputeOf(JSON.parse(text) as AccessRecord, undefined, { gateway, site: undefined }),
  );
  must(count('record-disputed') === (isDisputed ? 1 : 0), 'a grant that nobody gave raised no alarm, or more than one');
  must(count('record-misdated') === (isMisdated ? 1 : 0), 'a wrong time raised no alarm, or more than one');
}
