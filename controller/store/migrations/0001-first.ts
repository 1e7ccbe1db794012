/** The first schema. Written with Kysely's builder only, so that SQLite and PostgreSQL share it. */
import type { CreateTableBuilder, Kysely } from 'kysely';

type Kind = 'text' | 'integer' | 'bigint';
type Columns = Readonly<Record<string, `${Kind}` | `${Kind}?` | `${Kind} key`>>;

/** `kind?` may be null; `kind key` is (part of) the primary key. */
const tables: Readonly<Record<string, Columns>> = {
  meta: { key: 'text key', value: 'text' },
  change_counter: { id: 'integer key', n: 'bigint' },
  changes: { n: 'bigint key', at: 'bigint', site: 'text?', changes: 'text' },
  people: {
    id: 'text key',
    name: 'text',
    email: 'text?',
    role: 'text',
    state: 'text',
    risk: 'integer',
    created_at: 'bigint',
    last_sign_in_at: 'bigint?',
    had_factors: 'integer',
  },
  groups: { id: 'text key', name: 'text', created_at: 'bigint' },
  group_members: { group_id: 'text key', person_id: 'text key' },
  group_parents: { group_id: 'text key', parent_id: 'text key' },
  factors: {
    id: 'text key',
    person_id: 'text',
    kind: 'text',
    name: 'text',
    state: 'text',
    sealed: 'text',
    last_step: 'bigint',
    failures: 'integer',
    created_at: 'bigint',
  },
  recovery_codes: { id: 'text key', person_id: 'text', hash: 'text', used_at: 'bigint?' },
  invitations: {
    id: 'text key',
    kind: 'text',
    code_hash: 'text',
    subject: 'text',
    approval: 'text',
    ownership: 'text',
    state: 'text',
    created_by: 'text',
    created_at: 'bigint',
    ends_at: 'bigint',
    used_at: 'bigint?',
  },
  devices: {
    id: 'text key',
    person_id: 'text',
    name: 'text',
    os: 'text',
    model: 'text?',
    serial: 'text?',
    state: 'text',
    ownership: 'text',
    approval: 'text',
    first_factors: 'integer',
    public_jwk: 'text',
    jkt: 'text',
    fingerprint: 'text',
    certificate_serial: 'text',
    certificate_ends_at: 'bigint',
    posture_seq: 'bigint',
    enrolled_at: 'bigint',
    approved_at: 'bigint?',
    last_seen_at: 'bigint?',
  },
  sessions: {
    id: 'text key',
    secret_hash: 'text',
    person_id: 'text',
    device_id: 'text',
    state: 'text',
    ended_because: 'text?',
    methods: 'text',
    started_at: 'bigint',
    ends_at: 'bigint',
    last_active_at: 'bigint',
    password_at: 'bigint?',
    second_factor_at: 'bigint?',
  },
  sign_in_flows: {
    id: 'text key',
    person_id: 'text',
    device_id: 'text',
    session_id: 'text?',
    purpose: 'text',
    step: 'text',
    methods: 'text',
    failures: 'integer',
    sets: 'text?',
    sealed_password: 'text?',
    sealed_totp: 'text?',
    created_at: 'bigint',
    ends_at: 'bigint',
  },
  throttle: { key: 'text key', failures: 'integer', blocked_until: 'bigint', last_at: 'bigint' },
  admin_sessions: { token_hash: 'text key', person_id: 'text', created_at: 'bigint', ends_at: 'bigint' },
  nonces: { nonce: 'text key', subject: 'text', ends_at: 'bigint' },
  inventory: { serial: 'text key' },
  known_keys: { jkt: 'text key', owner: 'text' },
  posture_facts: {
    device_id: 'text key',
    fact: 'text key',
    value: 'text',
    status: 'text',
    source: 'text',
    detail: 'text?',
    measured_at: 'bigint',
    received_at: 'bigint',
  },
  sites: { id: 'text key', name: 'text' },
  app_groups: { id: 'text key', name: 'text' },
  gone_names: { kind: 'text key', id: 'text key', at: 'bigint' },
  apps: { id: 'text key', site: 'text', kind: 'text', definition: 'text', created_at: 'bigint' },
  gateways: {
    id: 'text key',
    site: 'text',
    address: 'text',
    state: 'text',
    jkt: 'text?',
    public_jwk: 'text?',
    certificate_serial: 'text?',
    certificate_ends_at: 'bigint?',
    identity_jwk: 'text?',
    generation: 'text?',
    through: 'bigint',
    last_seen_at: 'bigint?',
    joined_at: 'bigint?',
  },
  gateway_cuts: { n: 'bigint key', gateway_id: 'text key', applied_at: 'bigint', streams: 'integer' },
  policy_versions: {
    epoch: 'bigint key',
    files: 'text',
    by: 'text',
    message: 'text',
    at: 'bigint',
    in_force: 'integer',
  },
  grants: {
    jti: 'text key',
    person_id: 'text',
    device_id: 'text',
    session_id: 'text',
    app_id: 'text',
    act: 'text',
    scope: 'text',
    rules: 'text',
    request: 'text?',
    from_address: 'text?',
    seen: 'bigint',
    epoch: 'bigint',
    issued_at: 'bigint',
    ends_at: 'bigint',
    facts: 'text',
  },
  revocations: {
    n: 'bigint key',
    kind: 'text key',
    id: 'text key',
    seen: 'bigint',
    until: 'bigint',
    reason: 'text',
    at: 'bigint',
    last_grant_ends_at: 'bigint?',
  },
  floors: { app_id: 'text key', epoch: 'bigint' },
  denied: { id: 'text key', since: 'bigint' },
  fact_snapshots: { id: 'text key', facts: 'text', first_at: 'bigint' },
  signing_keys: {
    kid: 'text key',
    purpose: 'text',
    public_jwk: 'text',
    sealed: 'text',
    state: 'text',
    announced_n: 'bigint',
    created_at: 'bigint',
    since: 'bigint',
  },
  authorities: {
    id: 'text key',
    kind: 'text',
    certificate: 'text',
    sealed: 'text?',
    state: 'text',
    announced_n: 'bigint',
    since: 'bigint',
    created_at: 'bigint',
    ends_at: 'bigint',
  },
};

const indexes: readonly (readonly [table: string, columns: readonly string[], unique?: 'unique'])[] = [
  ['factors', ['person_id']],
  ['recovery_codes', ['person_id']],
  ['invitations', ['code_hash'], 'unique'],
  ['devices', ['person_id']],
  ['devices', ['jkt'], 'unique'],
  ['sessions', ['secret_hash'], 'unique'],
  ['sessions', ['person_id']],
  ['sessions', ['device_id']],
  ['group_members', ['person_id']],
  ['grants', ['person_id']],
  ['grants', ['session_id']],
  ['grants', ['device_id']],
  ['grants', ['ends_at']],
  ['revocations', ['until']],
  ['records', ['id'], 'unique'],
  ['records', ['gateway_id', 'spool', 'seq'], 'unique'],
  ['records', ['time']],
  ['records', ['person_id', 'position']],
  ['records', ['device_id', 'position']],
  ['records', ['app_id', 'position']],
  ['records', ['trace']],
];

export async function up(db: Kysely<never>): Promise<void> {
  for (const [name, columns] of Object.entries(tables)) await createTable(db, name, columns);
  await db.schema
    .createTable('records')
    .addColumn('position', 'integer', (column) => column.primaryKey().autoIncrement())
    .addColumn('id', 'text', (column) => column.notNull())
    .addColumn('time', 'bigint', (column) => column.notNull())
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('phase', 'text', (column) => column.notNull())
    .addColumn('verdict', 'text', (column) => column.notNull())
    .addColumn('reason', 'text')
    .addColumn('trace', 'text', (column) => column.notNull())
    .addColumn('person_id', 'text')
    .addColumn('device_id', 'text')
    .addColumn('app_id', 'text')
    .addColumn('gateway_id', 'text')
    .addColumn('spool', 'text')
    .addColumn('seq', 'bigint')
    .addColumn('digest', 'text', (column) => column.notNull())
    .addColumn('record', 'text', (column) => column.notNull())
    .execute();
  for (const [table, columns, unique] of indexes) {
    const index = db.schema
      .createIndex(`${table}_by_${columns.join('_')}`)
      .on(table)
      .columns([...columns]);
    await (unique ? index.unique() : index).execute();
  }
}

async function createTable(db: Kysely<never>, name: string, columns: Columns): Promise<void> {
  const keys = Object.keys(columns).filter((column) => columns[column]?.endsWith(' key'));
  let table: CreateTableBuilder<string, string> = db.schema.createTable(name);
  for (const [column, spec] of Object.entries(columns)) {
    const kind = spec.replace(/\?| key/, '') as Kind;
    table = table.addColumn(column, kind, (built) => (spec.endsWith('?') ? built : built.notNull()));
  }
  await table.addPrimaryKeyConstraint(`${name}_key`, keys).execute();
}
