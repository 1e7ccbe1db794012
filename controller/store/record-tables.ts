/** The table of the access log, as Kysely sees it. */
import type { Generated } from 'kysely';

export interface RecordsTable {
  /** The order of writing. */
  position: Generated<number>;
  /** The record: what is hashed, and the personal fields that it commits to (`shared/log/leaf.ts`). All other columns follow from these two. */
  leaf: string;
  disclosures: string;

  id: string;
  /** What a gateway told is by its word. */
  time: number;
  /** When what a gateway told came here; null for records of the controller. */
  arrived: number | null;
  kind: string;
  phase: string;
  verdict: string;
  /** The first of the reasons. */
  reason: string | null;
  trace: string;
  event: string | null;
  device_id: string | null;
  app_id: string | null;
  gateway_id: string | null;
  /** Of records of grants that were given: what the accesses under it look for. */
  grant_id: string | null;
  method: string | null;
  operation: string | null;
  status: number | null;

  // Personal: null also once it was erased.
  person_id: string | null;
  actor: string | null;
  address: string | null;
  host: string | null;
  path: string | null;

  spool: string | null;
  seq: number | null;
  /** Hex SHA-256 of what a gateway delivered (P24); empty for a record of the controller, and once the record was erased: it is a hash of what can be guessed. */
  digest: string;
}

/** People who were, or are being, erased (P34). */
export interface ErasureRow {
  id: string;
  /** Null once it is done: then only the digest tells whether an id was this one. */
  person_id: string | null;
  salt: string;
  digest: string;
  actor: string;
  /** Through which position of the log it has come. */
  position: number;
  records: number;
  snapshots: number;
  began_at: number;
  ended_at: number | null;
}

/** Stretches of positions whose records are others than they were, or gone: what rests on the old ones looks again. */
export interface RecordsChangedTable {
  n: Generated<number>;
  /** Both inclusive. */
  first: number;
  last: number;
}

/** What of a gateway's word was doubted: told under `record`, or gathered while that is null. Names nobody. */
export interface GatewayDoubtsTable {
  n: Generated<number>;
  gateway_id: string;
  event: string;
  /** JSON (`from-gateways/doubt-sums.ts`). */
  sums: string;
  /** The times that these records have, and when they arrived. */
  first_time: number;
  last_time: number;
  first_arrived: number;
  last_arrived: number;
  /** 0 while it was not. */
  told_at: number;
  record: string | null;
}
