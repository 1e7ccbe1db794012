/** The admin API: reports for auditors. Each is made of what was recorded, and is itself on record (P34). */
import { type Static, Type } from 'typebox';
import { linesOf } from './admin-analysis.ts';
import { changeNumber, oneOf, strict, text, time } from './common.ts';
import { defineContract } from './route.ts';

/** Each with what it answers. */
export const reports = {
  access: 'Who can reach what, by the policy, the groups and the facts of that moment',
  used: 'Who did reach what in the period',
  unused: 'Rights of the end of the period that nobody used in it, with the policy change that takes each away',
  denied: 'What was refused in the period, by person, app and reason',
  changes: 'What administrators changed in the period, before and after',
  dormant: 'People and devices of the end of the period of whom nothing is recorded in it',
  posture: 'How the posture of devices changed in the period',
} as const;
export type ReportName = keyof typeof reports;
export const reportNames = Object.keys(reports) as ReportName[];

const cell = Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Null()]);
export type Cell = Static<typeof cell>;

export const report = strict({
  report: oneOf(reportNames),
  /** The moment it is about, or the end of its period. */
  at: time,
  /** Absent where it is about a moment. */
  from: Type.Optional(time),
  made: time,
  /** The policy version in force at `at`, where policies have a part in it; 0 when there was none. */
  epoch: Type.Optional(changeNumber),
  columns: Type.Array(text(32)),
  rows: Type.Array(Type.Record(Type.String(), cell)),
  /** Rows whose verdict is `undetermined`: what they would need was not recorded. */
  undetermined: Type.Integer({ minimum: 0 }),
  /** How the rows were drawn, where they are a sample. */
  sample: Type.Optional(strict({ rows: Type.Integer(), of: Type.Integer(), seed: text(100) })),
  /** What whoever reads it must know. */
  notes: Type.Array(text(1000)),
});
export type Report = Static<typeof report>;
export const reportLine = linesOf(report);

export const adminReports = defineContract({
  makeReport: {
    method: 'POST',
    path: '/v1/admin/reports',
    summary: 'A report for auditors, of any time in the past: NDJSON of progress, then the report',
    access: 'reader',
    body: strict({
      report: oneOf(reportNames),
      /** Now unless told. */
      at: Type.Optional(time),
      /** 90 days before `at` unless told. */
      from: Type.Optional(time),
      sample: Type.Optional(strict({ rows: Type.Integer({ minimum: 1, maximum: 1_000_000 }), seed: text(100) })),
    }),
    stream: 'ndjson',
  },
});
