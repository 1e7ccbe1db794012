/** The tables of access reviews, as Kysely sees them; part of `Tables`. */
export interface ReviewTable {
  /** Never given again. */
  name: string;
  about: string | null;
  state: string; // open | closed
  /** JSON. */
  scope: string;
  epoch: number;
  /** Over the digests of the rows. */
  digest: string;
  created_by: string;
  started_at: number;
  due: number;
  closed_by: string | null;
  closed_at: number | null;
}

export interface ReviewRowTable {
  review: string;
  n: number;
  /** `erased` once the person was. */
  person_id: string;
  app_id: string;
  /** JSON: policies, groups, conditions, devices. */
  held: string;
  last_used: number | null;
  since: number | null;
  salt: string | null;
  /** Of all above; without the salt it tells nothing. */
  digest: string;
  reviewer: string | null;
  decision: string | null; // keep | revoke | change
  reason: string | null;
  decided_by: string | null;
  decided_at: number | null;
  by_default: number;
}

export interface ReviewTables {
  reviews: ReviewTable;
  review_rows: ReviewRowTable;
}
