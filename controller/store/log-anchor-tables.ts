/** The tables of what others know of the log, as Kysely sees them; part of `Tables`. */

/** How a checkpoint that somebody keeps stands to the log of this database. */
export type KnownVerdict =
  | 'none' // nothing is kept there
  | 'past' // the log goes on from it
  | 'former' // it is of a log before this one
  | 'beyond' // it has more leaves than the log
  | 'forked' // another tree
  | 'foreign'; // signed by no key that this database has

export interface LogKnownRow {
  /** `gateway/<id>`, `anchor/<name>`. */
  source: string;
  origin: string;
  size: number;
  note: string | null;
  verdict: string;
  /** When it was told. */
  at: number;
}

export interface LogAnchorRow {
  name: string;
  kind: string; // file | syslog | url | witness
  /** JSON, without secrets. */
  settings: string;
  /** JSON of the secrets. */
  sealed: string;
  every_ms: number;
  /** The newest checkpoint that stands there. */
  origin: string;
  size: number;
  anchored_at: number | null;
  /** When it is somebody's turn again: no controller goes there before. */
  next_at: number;
  failing_since: number | null;
  /** 1 once it is on record that it fails. */
  failing_told: number;
  created_by: string;
  created_at: number;
}

export interface LogAnchorTables {
  /** Emptied whenever the log begins to wait: what is told from then on counts. */
  log_known: LogKnownRow;
  /** The note that declares a log, by its number. */
  log_opened: { number: number; note: string };
  log_anchors: LogAnchorRow;
  /** One row, with the id 1: the newest checkpoint that witnesses signed, with their lines. */
  log_cosigned: { id: number; origin: string; size: number; note: string; at: number };
}
