/** Reports for auditors: one row each. */
import type { Report, ReportName } from '#shared/contracts/admin-reports.ts';
import type { OnProgress } from '../analysis/replay.ts';
import { misdatedOfTime } from '../log/misdated-of-time.ts';
import { prunedOfTime } from '../log/retention/pruned-of-time.ts';
import type { Db } from '../store/open-store.ts';
import { accessThen, type RightThen } from './access-then.ts';
import { changesMade } from './changes-made.ts';
import { dormant } from './find-dormant.ts';
import { denied, posture, used } from './from-records.ts';
import type { Maker, ReportOrder, Row } from './report-shape.ts';
import { sampleRows } from './sample-rows.ts';
import { unusedRights } from './unused-rights.ts';

const accessColumns = ['person', 'app', 'verdict', 'device', 'policies', 'groups', 'conditions', 'factsAt', 'why'];

export const rightRow = (right: RightThen): Row => ({
  ...right,
  policies: right.policies.join(', '),
  groups: right.groups.join(', '),
  conditions: right.conditions.join('; '),
});

const makers: Readonly<Record<ReportName, Maker>> = {
  async access(db, { at }) {
    const { epoch, rights, notes } = await accessThen(db, at);
    return { columns: accessColumns, rows: rights.map(rightRow), epoch, notes, isOfMoment: true };
  },
  used,
  unused: unusedRights,
  denied,
  changes: changesMade,
  dormant,
  posture,
};

/** `now`: when it is made. */
export async function makeReport(db: Db, order: ReportOrder, now: number, onProgress: OnProgress): Promise<Report> {
  const { report, at, from, sample } = order;
  const unreadable = new Set<string>();
  const found = await makers[report](db, { ...order, onUnreadable: (one) => unreadable.add(one.record) }, onProgress);
  const rows = sample === undefined ? found.rows : sampleRows(found.rows, sample.rows, sample.seed);
  const notes = [...(found.notes ?? [])];
  const begin = await beginOfLog(db);
  const period = { from: found.isOfMoment === true ? at : from, to: at };
  if (begin === undefined || begin > period.from)
    notes.push(
      `The log begins at ${begin === undefined ? 'no time' : new Date(begin).toISOString()}: of what was before it nothing is known.`,
    );
  if (unreadable.size > 0)
    notes.push(
      `${unreadable.size} of the records that it is made of cannot be read (the first is ${[...unreadable][0]}): what they told is missing here. posternctl log verify tells more.`,
    );
  const pruned = await prunedOfTime(db, period);
  if (pruned !== undefined)
    notes.push(
      `${pruned.records} records of ${new Date(pruned.from).toISOString()} to ${new Date(pruned.to).toISOString()} were pruned (the newest pruning is the record ${pruned.newest}): what they told is missing here.`,
    );
  const misdated = await misdatedOfTime(db, period);
  if (misdated !== undefined)
    notes.push(
      `${misdated.records} records of the gateways ${misdated.gateways.join(', ')} have a time that cannot be true (alarms record-misdated${misdated.newest === undefined ? '' : `, the newest is the record ${misdated.newest}`}): they may belong here and be missing, or be here and not belong.`,
    );
  return {
    report,
    at,
    ...(found.isOfMoment === true ? {} : { from }),
    made: now,
    ...(found.epoch === undefined ? {} : { epoch: found.epoch }),
    columns: [...found.columns],
    rows: rows.map((row) => ({ ...row })),
    undetermined: found.rows.filter((row) => row['verdict'] === 'undetermined').length,
    ...(sample === undefined ? {} : { sample: { rows: rows.length, of: found.rows.length, seed: sample.seed } }),
    notes: notes.map((note) => note.slice(0, 1000)),
  };
}

/** By when records came, not by times that gateways tell. */
async function beginOfLog(db: Db): Promise<number | undefined> {
  const row = await db
    .selectFrom('records')
    .select(['time', 'arrived'])
    .orderBy('position')
    .limit(1)
    .executeTakeFirst();
  return row?.arrived ?? row?.time;
}
