/** What a report is made from, and what making one finds out. */
import type { Cell, ReportName } from '#shared/contracts/admin-reports.ts';
import type { OnProgress } from '../analysis/replay.ts';
import type { Db } from '../store/open-store.ts';
import type { RecordsOfTime } from './each-record.ts';

export interface ReportOrder {
  readonly report: ReportName;
  /** Milliseconds, both inclusive. */
  readonly from: number;
  readonly at: number;
  readonly sample?: { readonly rows: number; readonly seed: string } | undefined;
}

export type Row = Readonly<Record<string, Cell>>;

/** What a report finds out; the rest of a report is the same for all. */
export interface Found {
  readonly columns: readonly string[];
  readonly rows: readonly Row[];
  readonly epoch?: number;
  readonly notes?: readonly string[];
  /** It is about the moment `at` alone. */
  readonly isOfMoment?: boolean;
}

export type MakerOrder = ReportOrder & Pick<RecordsOfTime, 'onUnreadable'>;
export type Maker = (db: Db, order: MakerOrder, onProgress: OnProgress) => Promise<Found>;
