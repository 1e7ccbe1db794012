/**
 * Takes batches of a gateway's spool into the log, exactly once by (gateway, spool, sequence) (P24). Delivery is in order:
 * the answer names the last sequence number that is safe here, and a gateway sends again from the one after it. A place is jumped over
 * only where the gateway tells that it is lost, which is an alarm.
 */
import { sha256 } from '#shared/base/bytes.ts';
import { PosternError } from '#shared/base/errors.ts';
import type { AccessRecord, SpooledRecord } from '#shared/contracts/record.ts';
import type { RecordEvent } from '#shared/contracts/record-events.ts';
import { appendRecord } from '../log/append-record.ts';
import { wereErased } from '../log/erase-person.ts';
import { insertRecord } from '../log/insert-record.ts';
import { bareRow, recordRow } from '../log/record-row.ts';
import { tellUnreadableIn } from '../log/tell-unreadable.ts';
import type { Db, Trx } from '../store/open-store.ts';
import { Doubts } from './doubts.ts';
import { GrantsOfBatch, withFacts } from './grants-of-batch.ts';
import { judgeTime, type TimeBounds } from './judge-time.ts';
import { disputeOf, type KnownGrant, outsideOfGrant, type Teller } from './judge-told.ts';
import { namePolicies, readPolicyNames } from './name-policies.ts';

export interface Batch {
  readonly gateway: string;
  readonly spool: string;
  readonly records: readonly SpooledRecord[];
}

/** In JSON these alone are written so. */
const loneSurrogate = /(?<!\\)(?:\\\\)*\\ud[89a-f]/;

export async function takeRecords(db: Db, at: number, batch: Batch): Promise<{ through: number }> {
  const texts = batch.records.map(({ record }) => JSON.stringify(record));
  for (const [place, { record }] of batch.records.entries()) {
    // A gateway speaks for itself only: a record in another's name would frame or hide somebody.
    if (record.gateway !== batch.gateway || !isOwn(record)) {
      throw new PosternError('bad-request', `gateway ${batch.gateway} sent a record that is not its own`);
    }
    // The database would give it back otherwise, and the log look as if somebody had changed it.
    if (loneSurrogate.test(texts[place]!)) {
      throw new PosternError('bad-request', `gateway ${batch.gateway} sent a record with a text that is no Unicode`);
    }
  }
  return db.transaction().execute(async (trx) => {
    let through = await lastSequence(trx, batch);
    const grants = new GrantsOfBatch(trx);
    const names = await readPolicyNames(
      trx,
      batch.records.map(({ record }) => record),
    );
    const erased = await findErased(trx, batch);
    const { bounds, teller } = await tellerOf(trx, batch.gateway);
    const doubts = new Doubts(at, batch);
    for (const [place, { seq, record }] of batch.records.entries()) {
      const isNext = seq > through && firstPlace({ seq, record }) <= through + 1;
      if (seq > through && !isNext) break;
      const digest = sha256(texts[place]!).toString('hex');
      if (isNext) {
        const known = record.grant === undefined ? undefined : await grants.find(record.grant);
        const wrong = timeDoubt(record, known, { ...bounds, arrived: at });
        if (wrong !== undefined) doubts.add('record-misdated', { seq, record, ...wrong });
        const ground = disputeOf(record, known, teller);
        if (
          ground !== undefined &&
          (ground !== 'no-such-grant' || !(await grants.mayBeForgotten(record.grant, record.time)))
        )
          doubts.add('record-disputed', { seq, record, ground });
        const whole = { ...namePolicies(withFacts(record, known), names), arrived: at };
        const row = recordRow(whole, { gateway: batch.gateway, spool: batch.spool, seq, digest });
        const isErased = record.person !== undefined && erased.has(record.person);
        await insertRecord(trx, isErased ? bareRow(row) : row);
        through = seq;
      } else {
        await compareTwin(trx, at, batch, seq, digest);
      }
    }
    await doubts.settle(trx);
    await tellUnreadableIn(trx, at, grants.unreadable);
    return { through };
  });
}

const ofItself: ReadonlySet<string> = new Set<RecordEvent<'gateway'>>([
  'started',
  'stopped',
  'ended-unclean',
  'paused',
  'knocks',
  'records-lost',
  'log-inconsistent',
  'log-replaced',
]);

/** A loss stands for all places from its first to its own: they are not waited for. */
function firstPlace({ seq, record }: SpooledRecord): number {
  const first = record.event === 'records-lost' ? record.details?.['first'] : undefined;
  return typeof first === 'number' ? first : seq;
}

/** An access, or what it may tell of itself. */
const isOwn = ({ kind, event, person, actor }: AccessRecord): boolean =>
  kind === 'access'
    ? event === undefined
    : kind === 'gateway' && ofItself.has(event ?? '') && person === undefined && actor === undefined;

/** P34: a gateway that was away delivers what it recorded of people who were erased since. */
async function findErased(trx: Trx, { records }: Batch): Promise<ReadonlySet<string>> {
  const people = [...new Set(records.flatMap(({ record }) => record.person ?? []))];
  if (people.length === 0) return new Set();
  const known = await trx.selectFrom('people').select('id').where('id', 'in', people).execute();
  const there = new Set(known.map(({ id }) => id));
  return wereErased(
    trx,
    people.filter((id) => !there.has(id)),
  );
}

/** Whose word it is, and since when: everything from before that the gateway has told already. */
async function tellerOf(trx: Trx, gateway: string): Promise<{ bounds: Omit<TimeBounds, 'arrived'>; teller: Teller }> {
  const row = await trx
    .selectFrom('gateways')
    .select(['records_through', 'restored_through', 'restored_at', 'site'])
    .where('id', '=', gateway)
    .executeTakeFirst();
  const { records_through: since = 0, restored_through: from = 0, restored_at: to = 0, site } = row ?? {};
  return { bounds: { since, ...(to === 0 ? {} : { lost: { from, to } }) }, teller: { gateway, site } };
}

function timeDoubt(record: AccessRecord, known: KnownGrant | undefined, bounds: TimeBounds) {
  const doubt = judgeTime(record.time, bounds);
  // A loss is found late, and has the time of what stood beside it.
  if (doubt !== undefined && !(doubt.ground === 'behind' && record.event === 'records-lost')) return doubt;
  const byMs = known === undefined ? undefined : outsideOfGrant(record, known);
  return byMs === undefined ? undefined : { ground: 'outside-its-grant', byMs };
}

async function lastSequence(trx: Trx, { gateway, spool }: Batch): Promise<number> {
  const row = await trx
    .selectFrom('records')
    .select('seq')
    .where('gateway_id', '=', gateway)
    .where('spool', '=', spool)
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row?.seq ?? 0;
}

/** The same place with other content is an alarm: somebody rewrote a spool (P24). The first content stays. */
async function compareTwin(
  trx: Trx,
  at: number,
  { gateway, spool }: Batch,
  seq: number,
  digest: string,
): Promise<void> {
  const first = await trx
    .selectFrom('records')
    .select('digest')
    .where('gateway_id', '=', gateway)
    .where('spool', '=', spool)
    .where('seq', '=', seq)
    .executeTakeFirst();
  // Of who was erased meanwhile nothing is left to compare with.
  if (first?.digest === digest || first?.digest === '') return;
  await appendRecord(trx, at, { kind: 'log', event: 'record-rewritten', gateway, details: { spool, seq } });
}
