/** Reports for auditors: one row each. */
import type { Report, ReportName } from '#shared/contracts/admin-reports.ts';
import type { OnProgress } from '../analysis/replay.ts';
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
  policies: right.policies.join(', ') || (right.verdict === 'can' ? '(depends on the request)' : ''),
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
  const found = await makers[report](db, order, onProgress);
  const rows = sample === undefined ? found.rows : sampleRows(found.rows, sample.rows, sample.seed);
  const notes = [...(found.notes ?? [])];
  const oldest = await db
    .selectFrom('records')
    .select((eb) => eb.fn.min<number | null>('time').as('time'))
    .executeTakeFirst();
  if (oldest?.time == null || oldest.time > (found.isOfMoment === true ? at : from))
    notes.push(
      `The log begins at ${oldest?.time == null ? 'no time' : new Date(oldest.time).toISOString()}: of what was before it nothing is known.`,
    );
  const pruned = await prunedOfTime(db, { from: found.isOfMoment === true ? at : from, to: at });
  if (pruned !== undefined)
    notes.push(
      `${pruned.records} records of ${new Date(pruned.from).toISOString()} to ${new Date(pruned.to).toISOString()} were pruned (the newest pruning is the record ${pruned.newest}): what they told is missing here.`,
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
