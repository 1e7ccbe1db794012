/** The tables of drafts that run beside the version in force; part of `Tables`. */
export interface ShadowTables {
  /** Drafts that run beside the version in force. At most one has not ended. */
  shadow_runs: {
    id: string;
    files: string;
    by: string;
    started_at: number;
    ends_at: number;
    ended_at: number | null;
    ended_because: string | null; // time | stopped | failed | unreadable
    judged: number;
    disagreed: number;
    undetermined: number;
    /** Decisions at which the draft broke, and those it was too slow for. */
    failed: number;
    missed: number;
  };
  shadow_disagreements: {
    run: string;
    direction: string; // allow-to-deny | deny-to-allow
    person_id: string;
    app_id: string;
    reason: string;
    policies: string;
    count: number;
    first_at: number;
    last_at: number;
    trace: string;
  };
}
