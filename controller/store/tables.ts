/**
 * The tables, as Kysely sees them. Times are milliseconds of the controller's clock, flags are 0 or 1, JSON is text,
 * and a column named `sealed` holds a value that only `shared/crypto/seal.ts` opens (P33).
 */
import type { Generated } from 'kysely';
import type { LogAnchorTables } from './log-anchor-tables.ts';
import type { LogStreamTables } from './log-stream-tables.ts';
import type { LogTables } from './log-tables.ts';
import type { ErasureRow, GatewayDoubtsTable, RecordsChangedTable, RecordsTable } from './record-tables.ts';
import type { RetentionTables } from './retention-tables.ts';
import type { ReviewTables } from './review-tables.ts';
import type { ShadowTables } from './shadow-tables.ts';

export interface Tables
  extends ShadowTables,
    LogTables,
    LogStreamTables,
    LogAnchorTables,
    RetentionTables,
    ReviewTables {
  meta: { key: string; value: string };
  change_counter: { id: number; n: number };
  changes: { n: number; at: number; site: string | null; changes: string };

  people: {
    id: string;
    name: string;
    email: string | null;
    role: string;
    state: string;
    risk: number;
    created_at: number;
    last_sign_in_at: number | null;
    /** 1 once any factor was ever set: first factors are set once in a life (P5). */
    had_factors: number;
  };
  groups: { id: string; name: string; created_at: number };
  group_members: { group_id: string; person_id: string };
  group_parents: { group_id: string; parent_id: string };
  factors: {
    id: string;
    person_id: string;
    kind: string; // password | totp
    name: string;
    state: string; // pending | active | disabled
    sealed: string;
    /** TOTP: the last accepted step, each is accepted once (RFC 6238 section 5.2, P18). */
    last_step: number;
    failures: number;
    created_at: number;
  };
  recovery_codes: { id: string; person_id: string; hash: string; used_at: number | null };
  invitations: {
    id: string;
    kind: string; // device | gateway | factor-reset
    code_hash: string;
    subject: string; // person or gateway id
    approval: string; // none | code | inventory
    ownership: string;
    state: string; // open | used | voided
    created_by: string;
    created_at: number;
    ends_at: number;
    used_at: number | null;
  };
  devices: {
    id: string;
    person_id: string;
    name: string;
    os: string;
    model: string | null;
    serial: string | null;
    state: string; // pending | active | suspended | gone
    ownership: string;
    approval: string;
    /** 1 while this device may set the first factors of its person (P5). */
    first_factors: number;
    public_jwk: string;
    jkt: string;
    fingerprint: string;
    certificate_serial: string;
    certificate_ends_at: number;
    posture_seq: number;
    enrolled_at: number;
    /** When it left `pending`; null while it never has. */
    approved_at: number | null;
    last_seen_at: number | null;
  };
  sessions: {
    id: string;
    secret_hash: string;
    person_id: string;
    device_id: string;
    state: string; // live | ended
    ended_because: string | null;
    methods: string;
    started_at: number;
    ends_at: number;
    last_active_at: number;
    password_at: number | null;
    second_factor_at: number | null;
    /** The change by which gateways heard of its knock key (P26); 0 while they have not. */
    knock_n: number;
  };
  /** By the id of a key (`knock-owners.ts`): all counters up to here count as used. */
  knock_counters: { key: string; ceiling: number };
  sign_in_flows: {
    id: string;
    person_id: string;
    device_id: string;
    session_id: string | null;
    purpose: string;
    step: string;
    methods: string;
    failures: number;
    /** Set when the flow may set factors: `first` of a person's life, or `reset` by a one-time code. */
    sets: string | null; // first | reset
    /** Factors being set, until the authenticator app is confirmed. */
    sealed_password: string | null;
    sealed_totp: string | null;
    created_at: number;
    ends_at: number;
  };
  throttle: { key: string; failures: number; blocked_until: number; last_at: number };
  admin_sessions: { token_hash: string; person_id: string; created_at: number; ends_at: number };
  nonces: { nonce: string; subject: string; ends_at: number };
  inventory: { serial: string };
  /** Every key that ever stood for a device or a gateway; none is taken twice (P5). */
  known_keys: { jkt: string; owner: string };

  posture_facts: {
    device_id: string;
    fact: string;
    value: string;
    status: string; // pass | fail | unknown
    source: string;
    detail: string | null;
    measured_at: number;
    received_at: number;
  };

  sites: { id: string; name: string };
  app_groups: { id: string; name: string };
  /** Ids of apps and groups that were removed: never given again. */
  gone_names: { kind: string; id: string; at: number };
  apps: { id: string; site: string; kind: string; definition: string; created_at: number };
  gateways: {
    id: string;
    site: string;
    address: string;
    state: string; // invited | active | gone
    jkt: string | null;
    public_jwk: string | null;
    certificate_serial: string | null;
    certificate_ends_at: number | null;
    identity_jwk: string | null;
    /** Generation and change number it last confirmed. */
    generation: string | null;
    through: number;
    last_seen_at: number | null;
    joined_at: number | null;
    /** What it said stands in front of it (`doorModes`), and where a kernel door takes knocks: UDP ports with commas between. */
    door: string;
    knock_ports: string;
    prelude_port: number;
    /** Everything that it recorded before this was delivered: what comes later and says that it is older is doubted. */
    records_through: Generated<number>;
    /** That as the backup had it which was restored, and when: what was delivered between the two comes again. */
    restored_through: Generated<number>;
    restored_at: Generated<number>;
  };
  gateway_cuts: { n: number; gateway_id: string; applied_at: number; streams: number };

  policy_versions: {
    epoch: number;
    files: string;
    tests: string;
    policies: number | null; // how many
    by: string;
    message: string;
    at: number;
    in_force: number;
    /** JSON: names of the policies by their number; null for a version from before grants had numbers. */
    names: string | null;
  };
  policy_drafts: {
    id: string;
    files: string;
    tests: string;
    policies: number;
    by: string;
    message: string;
    because: string | null;
    base_epoch: number;
    at: number;
    ends_at: number;
    state: string; // waiting | approved | rejected | withdrawn | expired
    decided_by: string | null;
    decided_at: number | null;
    epoch: number | null; // the version it became
  };
  grants: {
    jti: string;
    person_id: string;
    device_id: string;
    session_id: string;
    app_id: string;
    act: string;
    scope: string; // app | request
    use: string; // many | once
    /** The one gateway of a grant for one use (P18); null for one that all gateways of the site take. */
    gateway_id: string | null;
    rules: string;
    request: string | null;
    /** As the controller saw it: no grant binds to it. */
    from_address: string | null;
    seen: number;
    epoch: number;
    issued_at: number;
    ends_at: number;
    facts: string;
  };
  revocations: {
    n: number;
    kind: string;
    id: string;
    seen: number;
    until: number;
    reason: string;
    at: number;
    /** When the last grant it took back would have ended; null when there was none. */
    last_grant_ends_at: number | null;
  };
  floors: { app_id: string; epoch: number };
  denied: { id: string; since: number };
  /** `last_at`: when it was last used, to a day. */
  fact_snapshots: { id: string; facts: string; first_at: number; last_at: number };

  signing_keys: {
    kid: string;
    purpose: string; // grant | key-set
    public_jwk: string;
    sealed: string;
    state: string; // announced | current | retired | withdrawn
    /** The change number that carried it to the gateways (P20). */
    announced_n: number;
    created_at: number;
    since: number;
  };
  authorities: {
    id: string;
    kind: string; // root | issuing
    certificate: string;
    sealed: string | null;
    state: string; // announced | current | retired
    announced_n: number;
    since: number;
    created_at: number;
    ends_at: number;
  };

  api_clients: {
    name: string;
    token_hash: string;
    /** The token before the last rotation, while it is still good. */
    former_hash: string | null;
    former_ends_at: number | null;
    scopes: string;
    created_by: string;
    created_at: number;
    ends_at: number;
    last_used_at: number | null;
  };
  policy_stores: {
    name: string;
    version: number;
    files: string;
    /** Of what was compiled: counts for lists. */
    policies: number;
    entities: number;
    has_schema: number;
    by: string;
    message: string;
    at: number;
    in_force: number;
  };
  records: RecordsTable;
  erasures: ErasureRow;
  records_changed: RecordsChangedTable;
  gateway_doubts: GatewayDoubtsTable;
}
