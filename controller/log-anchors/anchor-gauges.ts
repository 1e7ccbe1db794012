/** How far each place outside is behind, by the name that an owner gave it, and whether the log waits. */
import type { Clock } from '#shared/base/clock.ts';
import type { LogAnchorShown } from '#shared/contracts/admin-log-anchors.ts';
import type { LogKeeper } from '../log/log-keeper.ts';
import { countUnreadable } from '../log/tell-unreadable.ts';
import type { Gauge } from '../metrics-server.ts';
import type { Db } from '../store/open-store.ts';
import { readAnchors, type ShowAnchorParts, showAnchor } from './anchor-rows.ts';

export interface AnchorGaugeParts extends ShowAnchorParts {
  readonly db: Db;
  readonly keeper: Pick<LogKeeper, 'state'>;
}

export function anchorGauges(parts: AnchorGaugeParts, clock: Clock): Gauge[] {
  const { db, keeper } = parts;
  const gauge = (name: string, help: string, value: (anchor: LogAnchorShown) => number): Gauge => ({
    name: `postern_log_anchor_${name}`,
    help,
    read: async () => {
      const state = await keeper.state();
      const shown = (await readAnchors(db)).map((row) => showAnchor(parts, state, row));
      return shown.map((anchor) => ({ labels: { anchor: anchor.name }, value: value(anchor) }));
    },
  });
  const age = ({ anchoredAt, createdAt }: LogAnchorShown) =>
    Math.max(0, clock.now() - (anchoredAt ?? createdAt)) / 1000;
  return [
    {
      name: 'postern_log_held',
      help: '1 while the log signs nothing (P35)',
      read: async () => ((await keeper.state()).held === null ? 0 : 1),
    },
    {
      name: 'postern_log_unreadable_records',
      help: 'Records of the log that were found to be unreadable, and still are',
      read: () => countUnreadable(db),
    },
    gauge('behind_leaves', 'Leaves of the log that no checkpoint there is over', ({ behind }) => behind),
    gauge('age_seconds', 'Since a checkpoint arrived there', age),
    gauge('failing', '1 while it is tried in vain', ({ trouble }) => (trouble === undefined ? 0 : 1)),
  ];
}
