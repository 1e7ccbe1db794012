/** The tables of retention, as Kysely sees them; part of `Tables`. */
import type { Generated } from 'kysely';

/** One pruning: what it may take, how far it is, what it took. */
export interface PruningRow {
  n: Generated<number>;
  /** Of the log whose leaves it marks. */
  log: number;
  cause: string; // retention | order
  /** JSON: `Cutoffs`. */
  rules: string;
  /** Positions: looked through up to here, and how far it goes. */
  after: number;
  through: number;
  removed: number;
  /** JSON: removed, by kind. */
  kinds: string;
  /** JSON: kept, by id of the hold. */
  holds: string;
  /** How many of what was removed had a place in the log: all but in a log that waits. */
  leaves: number;
  first_leaf: number | null;
  last_leaf: number | null;
  first_time: number | null;
  last_time: number | null;
  began_at: number;
  ended_at: number | null;
  /** The records of its begin and of its end. */
  begun: string;
  record: string | null;
}

/** A hold that stands; one that is released is gone from here, and on record. */
export interface LegalHoldRow {
  id: string;
  name: string;
  person_id: string | null;
  device_id: string | null;
  app_id: string | null;
  trace: string | null;
  /** Both inclusive. */
  from_time: number | null;
  to_time: number | null;
  because: string;
  created_by: string;
  created_at: number;
}

export interface RetentionTables {
  /** By kind of record, and `default` for all others; a kind that is missing follows `default`, and that is for ever when it is missing. */
  retention: {
    kind: string;
    /** Milliseconds; null for ever. */
    age: number | null;
    set_at: number;
  };
  prunings: PruningRow;
  legal_holds: LegalHoldRow;
}
