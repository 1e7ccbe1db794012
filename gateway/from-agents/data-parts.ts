/** What the files of the data path share. Made in one place (`data-path.ts`), passed to each request. */
import type { Log } from '#shared/base/log.ts';
import type { GrantCache } from '../grants/grant-cache.ts';
import type { LiveTable } from '../grants/live-table.ts';
import type { Renewal } from '../grants/renew-streams.ts';
import type { UsedGrants } from '../grants/used-grants.ts';
import type { Counters } from '../metrics/counters.ts';
import type { RecordSink } from '../record-sink.ts';
import type { GatewaySnapshot } from '../state/snapshot.ts';
import type { IdentityMinter } from '../to-apps/identity-assertion.ts';
import type { UpstreamPools } from '../to-apps/upstream-pools.ts';
import type { AppUsage } from './app-usage.ts';

export interface DataParts {
  /** The snapshot in force. */
  readonly state: () => GatewaySnapshot;
  /** Controller time in milliseconds. */
  readonly time: () => number;
  readonly grants: GrantCache;
  readonly live: LiveTable;
  readonly usage: AppUsage;
  readonly records: RecordSink;
  readonly used: UsedGrants;
  readonly pools: UpstreamPools;
  readonly identity: IdentityMinter;
  readonly counters: Counters;
  readonly recordId: () => string;
  readonly log: Log;
  /** Renews streams in every worker. */
  readonly renew: (texts: readonly string[], peer: { readonly id: string; readonly jkt: string }) => Promise<Renewal>;
  /** P20: a grant named a key that is not known here: the stream may have something to say. */
  readonly onUnknownKey: () => void;
}
