/** What a draft would change. Who asks reads the log, the posture and the sessions of others: that is a record (P34). */

import type { ServerResponse } from 'node:http';
import { sha256 } from '#shared/base/bytes.ts';
import { day } from '#shared/base/clock.ts';
import { PosternError } from '#shared/base/errors.ts';
import type { adminAnalysis, Draft } from '#shared/contracts/admin-analysis.ts';
import type { adminReports } from '#shared/contracts/admin-reports.ts';
import type { RecordEvent } from '#shared/contracts/record-events.ts';
import { writeNdjson } from '#shared/wire/ndjson.ts';
import type { TaskName, Tasks } from '../analysis/tasks.ts';
import type { AdminCaller, AdminParts, HandlersOf } from './admin-parts.ts';
import { recordAdmin } from './record-admin.ts';

const usualPeriod = 90 * day;
const usualLimit = 1000;
/** People that a record of a reading names. */
const mostNamed = 50;

interface Reading {
  readonly event: RecordEvent<'log'>;
  readonly caller: AdminCaller;
  readonly search: Readonly<Record<string, unknown>>;
  readonly draft: Draft | undefined;
  readonly start: () => ServerResponse;
}

export function analysisHandlers(parts: AdminParts): HandlersOf<typeof adminAnalysis & typeof adminReports> {
  const { db, clock, analyses } = parts;

  const run = async <N extends TaskName>(name: N, order: Tasks[N]['order'], reading: Reading): Promise<void> => {
    const analysis = await analyses.begin(name, order);
    try {
      const { caller, event, search, draft } = reading;
      const details = { search, ...(draft === undefined ? {} : { draft: nameOf(draft) }) };
      await recordAdmin(db, clock.now(), caller, { event, kind: 'log', details });
      const lines = writeNdjson(reading.start());
      void lines.closed.then(() => analysis.cancel());
      const result = await analysis.finish((done, total) => lines.send({ t: 'progress', done, total }));
      lines.send({ t: 'result', result });
    } catch (error) {
      analysis.cancel();
      throw error;
    }
  };

  return {
    async makeReport({ body, caller, start }) {
      const at = body.at ?? clock.now();
      if (at > clock.now())
        throw new PosternError('bad-request', undefined, { tell: 'A report is of the past: name no time to come.' });
      const order = { ...body, at, from: body.from ?? at - usualPeriod };
      if (order.from > at)
        throw new PosternError('bad-request', undefined, { tell: 'The period begins after its end.' });
      await run('report', order, { event: 'report-made', caller, search: order, draft: undefined, start });
    },

    async whatIfPeople({ body, caller, start }) {
      const { draft, people, ...others } = body;
      const search = { ...others, ...(people === undefined ? {} : { people: people.slice(0, mostNamed) }) };
      await run('whatIfPeople', body, { event: 'policy-what-if', caller, search, draft, start });
    },

    async whoCan({ body, caller, start }) {
      const { draft, ...search } = body;
      await run('whoCan', body, { event: 'policy-who-can', caller, search, draft, start });
    },

    async replayPolicy({ body: { draft, to = clock.now(), limit = usualLimit, ...search }, caller, start }) {
      const order = { ...search, to, limit, draft };
      await run('replay', order, { event: 'policy-replayed', caller, search: { ...search, to }, draft, start });
    },
  };
}

/** Whoever has the files can tell whether they were these. */
function nameOf({ files, epoch }: Draft): string {
  return files === undefined
    ? `version ${epoch}`
    : `files ${sha256(JSON.stringify(files)).toString('hex').slice(0, 16)}`;
}
