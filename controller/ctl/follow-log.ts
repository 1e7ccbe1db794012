/** `posternctl log tail`: by place in the log, so that nothing is missed and nothing comes twice, whatever happens to the controller. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { CliCall } from '#shared/base/cli.ts';
import { PosternError } from '#shared/base/errors.ts';
import type { AdminClient } from './connect.ts';
import type { LogQuery } from './log-filters.ts';
import { flag, numbered } from './show.ts';
import { printRecord } from './show-record.ts';

const againAfterMs = 500;
/** Above what the controller takes to say that nothing came. */
const timeoutMs = 40_000;
const away = new Set(['unreachable', 'unavailable']);

/** Ends only when it does not follow. Throws what will not pass by itself. */
export async function followLog(call: CliCall, admin: AdminClient, query: LogQuery): Promise<void> {
  const last = numbered(call, 'lines') ?? 10;
  let { records, cursor } = await admin.followRecords({ query: { ...query, last } });
  let isAway = false;
  for (;;) {
    for (const record of records) printRecord(call, record);
    if (!flag(call, 'follow')) return;
    try {
      ({ records, cursor } = await admin.followRecords({ query: { ...query, after: cursor }, timeoutMs }));
      if (isAway) call.io.err('The controller is back.');
      isAway = false;
    } catch (error) {
      if (!(error instanceof PosternError) || !away.has(error.code)) throw error;
      if (!isAway) call.io.err('The controller is away: waiting for it.');
      isAway = true;
      records = [];
      await sleep(againAfterMs);
    }
  }
}
