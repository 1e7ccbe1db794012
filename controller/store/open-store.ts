/** Opens the store, brings its schema up to date and gives it out as one Kysely instance. */
import { Kysely, SqliteDialect, type Transaction } from 'kysely';
import { type Migration, type MigrationProvider, Migrator } from 'kysely/migration';
import { PosternError } from '#shared/base/errors.ts';
import * as first from './migrations/0001-first.ts';
import { NodeSqlite } from './node-sqlite.ts';
import type { Tables } from './tables.ts';

export type Db = Kysely<Tables>;
/** Inside a transaction. Functions that must share one take `Trx`; those that only read take `Db`, which a `Trx` is too. */
export type Trx = Transaction<Tables>;

const migrations: Record<string, Migration> = { '0001-first': { up: first.up as Migration['up'] } };

export interface Store {
  readonly db: Db;
  /** Writes a consistent copy to a file that must not exist yet. */
  backup(file: string): void;
  stop(): Promise<void>;
}

export async function openStore(file: string): Promise<Store> {
  const sqlite = new NodeSqlite(file);
  const db = new Kysely<Tables>({ dialect: new SqliteDialect({ database: sqlite }) });
  await migrate(db);
  return {
    db,
    backup: (target) => {
      sqlite.raw.prepare('VACUUM INTO ?').run(target);
    },
    stop: () => db.destroy(),
  };
}

/** A migration that fails leaves the schema as it was and stops the start: a half-known schema decides nothing. */
async function migrate(db: Db): Promise<void> {
  const provider: MigrationProvider = { getMigrations: async () => migrations };
  const { error } = await new Migrator({ db, provider }).migrateToLatest();
  if (error) {
    await db.destroy();
    throw new PosternError('internal', 'the store could not be brought to the current schema', { cause: error });
  }
}
