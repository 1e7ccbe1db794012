/** A log with records in a directory of its own, kept step by step, as tests want it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { readLogKeys } from '../../controller/authority/log-keys.ts';
import { databaseName } from '../../controller/init.ts';
import { appendRecord } from '../../controller/log/append-record.ts';
import { LogKeeper } from '../../controller/log/log-keeper.ts';
import { openStore, type Store } from '../../controller/store/open-store.ts';
import { silentLog } from '../../shared/base/log.ts';
import { newMasterKey, parseMasterKey, Sealer } from '../../shared/crypto/seal.ts';
import type { NoteKey } from '../../shared/log/note-key.ts';

export const logTrustDomain = 'test.example';
export const logOrigin = `${logTrustDomain}/log/1`;

export interface LogWorld {
  readonly dir: string;
  readonly file: string;
  readonly store: Store;
  readonly sealer: Sealer;
  /** `other`: of another controller on the same store, with a directory of its own. */
  open(other?: string): Promise<LogKeeper>;
  /** Appends `count` records that no two of are alike. */
  append(count: number): Promise<void>;
  keys(): Promise<NoteKey[]>;
}

export async function makeLogWorld(t: Test): Promise<LogWorld> {
  const dir = mkdtempSync(join(tmpdir(), 'postern-log-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  const file = join(dir, databaseName);
  const store = await openStore(file);
  t.teardown(() => store.stop());
  const sealer = new Sealer({ current: parseMasterKey(newMasterKey()) });
  let made = 0;
  return {
    dir,
    file,
    store,
    sealer,
    async open(other = '') {
      const clock = { now: () => 1_000_000 };
      const parts = {
        db: store.db,
        sealer,
        clock,
        log: silentLog,
        dir: join(dir, other),
        trustDomain: logTrustDomain,
        everyMs: 0,
      };
      const keeper = await LogKeeper.open(parts);
      t.teardown(() => keeper.stop());
      return keeper;
    },
    async append(count) {
      await store.db.transaction().execute(async (trx) => {
        for (let at = 0; at < count; at += 1) {
          made += 1;
          await appendRecord(trx, 1_000_000 + made, {
            kind: 'access',
            person: `person-${made % 7}`,
            from: '10.0.0.1',
            app: 'payroll',
            gateway: 'gw-1',
            request: { method: 'GET', host: 'payroll.test', path: `/reports/${made}` },
            status: 200,
            verdict: made % 3 === 0 ? 'deny' : 'allow',
            because: `because ${made}`,
            details: { number: made },
          });
        }
      });
    },
    keys: async () => (await readLogKeys(store.db)).map(({ key }) => key),
  };
}
