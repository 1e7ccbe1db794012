/**
 * A log of a year as a company of 5,000 people would write it, for the benchmark of search: few busy apps and people, many quiet ones, offices
 * behind few addresses, paths that come again and paths that are met once. The same seed gives the same log, but for salts.
 */

import type { AccessRecord } from '#shared/contracts/record.ts';
import { recordRow } from '../../controller/log/record-row.ts';
import { NodeSqlite } from '../../controller/store/node-sqlite.ts';
import { openStore } from '../../controller/store/open-store.ts';
import { makeDice } from '../chaos/dice.ts';

export const people = 5000;
export const apps = 120;
const gateways = 10;
const days = 365;
const dayMs = 86_400_000;
/** The end of the log. */
export const endsAt = Date.UTC(2026, 10, 20, 12);

const nouns = ['orders', 'invoices', 'pages', 'reports', 'tickets', 'builds', 'payroll', 'users', 'assets', 'search'];
const verbs = ['list', 'view', 'edit', 'export', 'history', 'summary', 'settings', 'diff'];
const denials = ['no-permit', 'policy-forbid', 'rules-refused', 'session-idle', 'stream-cut'] as const;

export const personName = (n: number): string => `person-${String(n).padStart(4, '0')}`;
export const appName = (n: number): string => (n === 0 ? 'wiki' : n === 7 ? 'payroll' : `app-${n}`);
const deviceOf = (n: number): string => `dev_${String(n).padStart(12, '0')}`;

/** Writes `count` records into a new database. About 20,000 a second. */
export async function writeLogData(file: string, count: number, tell: (line: string) => void): Promise<void> {
  await (await openStore(file)).stop();
  const sqlite = new NodeSqlite(file);
  const { raw } = sqlite;
  raw.exec('PRAGMA synchronous = OFF; PRAGMA cache_size = -200000; PRAGMA wal_autocheckpoint = 20000;');
  // Made at once at the end they are sorted, not put in one by one at random places.
  const indexes = raw
    .prepare("SELECT name, sql FROM sqlite_master WHERE tbl_name = 'records' AND type = 'index'")
    .all();
  for (const { name } of indexes) raw.exec(`DROP INDEX ${String(name)}`);
  const made = makeRecords(count);
  let insert: ReturnType<typeof raw.prepare> | undefined;
  let seq = 0;
  for (let done = 0; done < count; ) {
    raw.exec('BEGIN');
    for (let at = 0; at < 10_000 && done < count; at++, done++) {
      const record = made.next().value as AccessRecord;
      const delivered = record.kind === 'access';
      const digest = record.trace.repeat(2);
      const row = recordRow(
        record,
        delivered ? { gateway: record.gateway!, spool: 'spl_00000001', seq: ++seq, digest } : undefined,
      );
      const columns = Object.keys(row);
      insert ??= raw.prepare(
        `INSERT INTO records (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`,
      );
      insert.run(...(Object.values(row) as (string | number | null)[]));
    }
    raw.exec('COMMIT');
    if (done % 500_000 === 0) tell(`${done} records written`);
  }
  tell('making the indexes of the database');
  for (const { sql } of indexes) raw.exec(String(sql));
  raw.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  sqlite.close();
}

export function* makeRecords(count: number): Generator<AccessRecord> {
  const dice = makeDice('a year');
  const random = () => dice.below(2 ** 32) / 2 ** 32;
  /** Skewed: half of all draws are in the first twentieth or so. */
  const skewed = (n: number) => Math.floor(n * random() ** 3);
  const hex = () =>
    Math.floor(random() * 2 ** 32)
      .toString(16)
      .padStart(8, '0');
  let id = 0;
  const newId = () => `rec_${(id++).toString(36).padStart(20, '0')}`;
  for (let made = 0; made < count; ) {
    const time = Math.floor(endsAt - days * dayMs * (1 - made / count) + random() * 1000);
    const who = skewed(people);
    const app = skewed(apps);
    const device = deviceOf(who * 2 + (random() < 0.1 ? 1 : 0));
    const day = Math.floor(time / dayMs);
    const session = `ses_${(who * 1000 + (day % 1000)).toString(36).padStart(16, '0')}`;
    const from =
      random() < 0.6 ? `10.${who % 20}.0.${1 + (who % 8)}` : `${81 + (who % 100)}.${(who >> 3) & 255}.${who & 255}.7`;
    const trace = `${hex()}${hex()}${hex()}${hex()}`;
    const base = {
      trace,
      person: personName(who),
      device,
      session,
      app: appName(app),
      from,
      epoch: 1 + Math.floor((made / count) * 40),
    };
    const draw = random();
    if (draw < 0.01) {
      yield {
        ...base,
        id: newId(),
        time,
        kind: 'sign-in',
        phase: 'single',
        verdict: random() < 0.9 ? 'allow' : 'deny',
        reasons: [],
        details: { purpose: 'session', method: 'password' },
      };
      made += 1;
    } else if (draw < 0.011) {
      const because = `ticket ${Math.floor(random() * 100_000)} ${nouns[skewed(10)]} for team ${skewed(40)}`;
      yield {
        id: newId(),
        time,
        trace,
        kind: 'admin',
        phase: 'single',
        verdict: 'allow',
        reasons: ['role-allows'],
        actor: personName(skewed(10)),
        because,
        event: 'person-changed',
        details: { person: base.person },
      };
      made += 1;
    } else if (draw < 0.1) {
      const allowed = random() < 0.95;
      const reasons: AccessRecord['reasons'] = allowed ? ['policy-permit'] : ['no-permit'];
      yield {
        ...base,
        id: newId(),
        time,
        kind: 'grant',
        phase: 'single',
        verdict: allowed ? 'allow' : 'deny',
        reasons,
        grant: `gr_${trace.slice(0, 16)}`,
        policies: [`${base.app}-staff`],
        facts: `${trace}${trace}`,
      };
      made += 1;
    } else {
      const noun = nouns[skewed(10)]!;
      const path =
        random() < 0.7
          ? `/${noun}/${verbs[skewed(8)]}/${skewed(40)}`
          : `/${noun}/${Math.floor(random() * 5_000_000)}/${verbs[skewed(8)]}`;
      const request = { method: random() < 0.85 ? 'GET' : 'POST', host: `${base.app}.corp.example`, path };
      const access = {
        ...base,
        kind: 'access' as const,
        gateway: `gw-${app % gateways}`,
        grant: `gr_${trace.slice(0, 16)}`,
        request,
      };
      if (random() < 0.03) {
        yield {
          ...access,
          id: newId(),
          time,
          phase: 'single',
          verdict: 'deny',
          reasons: [denials[skewed(denials.length)] as never],
          status: 403,
        };
        made += 1;
      } else {
        const opening = newId();
        yield { ...access, id: opening, time, phase: 'opening', verdict: 'allow', reasons: ['grant-valid'] };
        const status = random() < 0.96 ? 200 : random() < 0.8 ? 404 : 500;
        yield {
          ...access,
          id: newId(),
          opening,
          time: time + 30,
          phase: 'closing',
          verdict: 'allow',
          reasons: ['grant-valid'],
          status,
          bytesUp: 0,
          bytesDown: 4096,
          durationMs: 30,
        };
        made += 2;
      }
    }
  }
}
