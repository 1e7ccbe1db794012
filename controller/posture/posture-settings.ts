/** What an organisation has decided about posture: how long facts stay good, how often devices report, its own checks. */
import { Value } from 'typebox/value';
import { PosternError } from '#shared/base/errors.ts';
import { bundle } from '#shared/contracts/admin-objects.ts';
import { defaultTtl, type PostureCheck } from '#shared/contracts/posture.ts';
import type { Db, Trx } from '../store/open-store.ts';

export interface PostureSettings {
  /** Seconds, by fact. */
  readonly ttl: Readonly<Record<string, number>>;
  /** Seconds between two reports of a device. */
  readonly reportSeconds: number;
  readonly checks: readonly PostureCheck[];
}

const metaKey = 'posture';
const defaultReportSeconds = 60;
const schema = bundle.properties.posture;
/** The form of `bundle.posture` that `apply` takes. */
type Stored = { ttl?: Record<string, number>; reportSeconds?: number; checks?: PostureCheck[] };

export async function readPostureSettings(db: Db): Promise<PostureSettings> {
  const row = await db.selectFrom('meta').select('value').where('key', '=', metaKey).executeTakeFirst();
  return row === undefined ? complete({}) : parse(row.value);
}

/** As `apply` wrote them, for `export`; undefined while nothing was ever set. */
export async function readStoredPosture(db: Db): Promise<Stored | undefined> {
  const row = await db.selectFrom('meta').select('value').where('key', '=', metaKey).executeTakeFirst();
  if (row === undefined) return undefined;
  parse(row.value);
  return JSON.parse(row.value) as Stored;
}

// Every grant asks for them and they hardly ever change: the last text stays parsed.
let last: { readonly text: string; readonly settings: PostureSettings } | undefined;

function parse(text: string): PostureSettings {
  if (last?.text === text) return last.settings;
  const stored: unknown = JSON.parse(text);
  // A default would make facts live longer than the organisation wants: better no grants than that.
  if (!Value.Check(schema, stored))
    throw new PosternError('internal', 'the stored posture settings have another shape');
  last = { text, settings: complete(stored as Stored) };
  return last.settings;
}

function complete(stored: Stored): PostureSettings {
  return Object.freeze({
    ttl: Object.freeze({ ...defaultTtl, ...stored.ttl }),
    reportSeconds: stored.reportSeconds ?? defaultReportSeconds,
    checks: stored.checks ?? [],
  });
}

/** Undefined members go back to their defaults. The caller takes the change number and re-decides grants. */
export async function writePostureSettings(trx: Trx, settings: Stored): Promise<void> {
  const value = JSON.stringify(settings);
  await trx
    .insertInto('meta')
    .values({ key: metaKey, value })
    .onConflict((conflict) => conflict.column('key').doUpdateSet({ value }))
    .execute();
}
