/** Opens the store, brings its schema up to date and gives it out as one Kysely instance. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Kysely, SqliteDialect, type Transaction } from 'kysely';
import { type Migration, type MigrationProvider, Migrator } from 'kysely/migration';
import { PosternError } from '#shared/base/errors.ts';
import * as first from './migrations/0001-first.ts';
import * as residualRules from './migrations/0002-residual-rules.ts';
import * as once from './migrations/0003-once.ts';
import * as shadow from './migrations/0004-shadow.ts';
import * as policyDrafts from './migrations/0005-policy-drafts.ts';
import * as replay from './migrations/0006-replay.ts';
import * as services from './migrations/0007-services.ts';
import * as doors from './migrations/0008-doors.ts';
import * as leaves from './migrations/0009-leaves.ts';
import * as logTree from './migrations/0010-log-tree.ts';
import * as search from './migrations/0011-search.ts';
import * as logStreams from './migrations/0012-log-streams.ts';
import * as knockPorts from './migrations/0013-knock-ports.ts';
import * as preludePort from './migrations/0014-prelude-port.ts';
import * as anchors from './migrations/0015-anchors.ts';
import * as reviews from './migrations/0016-reviews.ts';
import * as retention from './migrations/0017-retention.ts';
import * as knockCounters from './migrations/0018-knock-counters.ts';
import * as arrivals from './migrations/0019-arrivals.ts';
import * as anchorTurns from './migrations/0020-anchor-turns.ts';
import * as unreadable from './migrations/0021-unreadable.ts';
import { NodeSqlite } from './node-sqlite.ts';
import type { Tables } from './tables.ts';

export type Db = Kysely<Tables>;
/** Inside a transaction. Functions that must share one take `Trx`; those that only read take `Db`, which a `Trx` is too. */
export type Trx = Transaction<Tables>;

const migrations: Record<string, Migration> = {
  '0001-first': { up: first.up as Migration['up'] },
  '0002-residual-rules': { up: residualRules.up as Migration['up'] },
  '0003-once': { up: once.up as Migration['up'] },
  '0004-shadow': { up: shadow.up as Migration['up'] },
  '0005-policy-drafts': { up: policyDrafts.up as Migration['up'] },
  '0006-replay': { up: replay.up as Migration['up'] },
  '0007-services': { up: services.up as Migration['up'] },
  '0008-doors': { up: doors.up as Migration['up'] },
  '0009-leaves': { up: leaves.up as Migration['up'] },
  '0010-log-tree': { up: logTree.up as Migration['up'] },
  '0011-search': { up: search.up as Migration['up'] },
  '0012-log-streams': { up: logStreams.up as Migration['up'] },
  '0013-knock-ports': { up: knockPorts.up as Migration['up'] },
  '0014-prelude-port': { up: preludePort.up as Migration['up'] },
  '0015-anchors': { up: anchors.up as Migration['up'] },
  '0016-reviews': { up: reviews.up as Migration['up'] },
  '0017-retention': { up: retention.up as Migration['up'] },
  '0018-knock-counters': { up: knockCounters.up as Migration['up'] },
  '0019-arrivals': { up: arrivals.up as Migration['up'] },
  '0020-anchor-turns': { up: anchorTurns.up as Migration['up'] },
  '0021-unreadable': { up: unreadable.up as Migration['up'] },
};

export interface Store {
  readonly db: Db;
  /** Writes a consistent copy to a file that must not exist yet. */
  backup(file: string): void;
  /** Returns what deleted rows have left free to the disk, in steps between which others get their turn. */
  giveBack(): Promise<void>;
  /** Bytes of the database. */
  size(): number;
  /** Empties the write-ahead log, in which what was just deleted still stands. */
  forget(): Promise<void>;
  stop(): Promise<void>;
}

/** `onTrouble`: a write failed, for want of space or otherwise. */
export async function openStore(file: string, onTrouble?: (why: 'disk-full' | 'disk-failed') => void): Promise<Store> {
  const sqlite = new NodeSqlite(file, { onTrouble });
  const db = new Kysely<Tables>({ dialect: new SqliteDialect({ database: sqlite }) });
  await migrate(db, sqlite);
  return {
    db,
    backup: (target) => {
      sqlite.raw.prepare('VACUUM INTO ?').run(target);
    },
    async giveBack() {
      const free = () => Number(Object.values(sqlite.raw.prepare('PRAGMA freelist_count').get() ?? {})[0] ?? 0);
      for (let before = Number.POSITIVE_INFINITY; free() > 0 && free() < before; ) {
        before = free();
        // On the one connection: never inside somebody's transaction.
        await db.connection().execute(async () => {
          sqlite.raw.exec('PRAGMA incremental_vacuum(500); PRAGMA wal_checkpoint(TRUNCATE);');
        });
        await nextTurn();
      }
    },
    size() {
      const value = (name: string) => Number(Object.values(sqlite.raw.prepare(`PRAGMA ${name}`).get() ?? {})[0] ?? 0);
      return value('page_count') * value('page_size');
    },
    forget: () =>
      db.connection().execute(async () => {
        sqlite.raw.exec('PRAGMA wal_checkpoint(TRUNCATE);');
      }),
    stop: () => db.destroy(),
  };
}

/** The same file to read from beside the store that writes it: a thread of its own may take its time, and changes nothing. */
export function openReader(file: string): Pick<Store, 'db' | 'stop'> {
  const db = new Kysely<Tables>({ dialect: new SqliteDialect({ database: new NodeSqlite(file, { readOnly: true }) }) });
  return { db, stop: () => db.destroy() };
}

/** A migration that fails leaves the schema as it was and stops the start: a half-known schema decides nothing. */
async function migrate(db: Db, { raw }: NodeSqlite): Promise<void> {
  const provider: MigrationProvider = { getMigrations: async () => migrations };
  const migrator = new Migrator({ db, provider });
  try {
    if ((await migrator.getMigrations()).every(({ executedAt }) => executedAt !== undefined)) return;
    // Kysely makes no transaction around the migrations of SQLite, which can: killed in between, the old schema stands.
    raw.exec('BEGIN IMMEDIATE');
    const { error } = await migrator.migrateToLatest();
    if (error) throw error;
    raw.exec('COMMIT');
  } catch (error) {
    if (raw.isTransaction) raw.exec('ROLLBACK');
    await db.destroy();
    throw new PosternError('internal', 'the store could not be brought to the current schema', { cause: error });
  }
}
