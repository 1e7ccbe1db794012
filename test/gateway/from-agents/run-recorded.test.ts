/** What becomes of an access that is taken back in the middle of being begun. */
import t from 'tap';
import { PosternError } from '#shared/base/errors.ts';
import { silentLog } from '#shared/base/log.ts';
import type { ForwardOutcome } from '#shared/wire/forward-types.ts';
import { AppUsage } from '../../../gateway/from-agents/app-usage.ts';
import type { DataParts } from '../../../gateway/from-agents/data-parts.ts';
import { type Run, type RunOrder, runRecorded } from '../../../gateway/from-agents/run-recorded.ts';
import type { Ask } from '../../../gateway/gates/ask.ts';
import { LiveTable } from '../../../gateway/grants/live-table.ts';
import { Counters } from '../../../gateway/metrics/counters.ts';
import { MemorySink } from '../../support/gateway-world.ts';

const claims = {
  use: 'many',
  sub: 'ann',
  sid: 's',
  did: 'dev_00000001',
  app: 'wiki',
  jti: 'g',
  epoch: 1,
  exp: 9,
  seen: 1,
};
const ask = {
  address: '127.0.0.1',
  method: 'GET',
  host: 'wiki.example',
  url: '/',
  found: { claims, kid: 'k', app: { id: 'wiki', kind: 'http' } },
} as unknown as Ask;

function begin(start: (run: Run) => ReturnType<RunOrder['start']>) {
  const [live, records, counters] = [new LiveTable(), new MemorySink(), new Counters()];
  let count = 0;
  const recordId = () => {
    count += 1;
    return `rec_${count}`;
  };
  const state = () => ({ gateway: 'gw-1' });
  const usage = new AppUsage(1);
  const parts = { live, records, counters, recordId, state, usage, time: () => 7, log: silentLog };
  const ended = new Promise<ForwardOutcome>((onEnd) =>
    runRecorded(parts as unknown as DataParts, ask, { trace: 'a'.repeat(32), at: 5, start, onEnd }),
  );
  return { live, records, ended };
}

t.test('P16 what is taken back while its run begins is cut as soon as it can be', async (t) => {
  const { live, records, ended } = begin((run) => {
    t.equal(
      live.cutWhere('grant-revoked', () => true),
      1,
    );
    return { cut: (error?: PosternError) => run.onEnd({ ended: 'cut', bytesUp: 0, bytesDown: 0, error }) };
  });
  t.match(await ended, { ended: 'cut', error: { code: 'grant-revoked' } });
  t.equal(live.size, 0);
  t.match(records.closed, [{ phase: 'closing', reasons: ['stream-cut'], details: { problem: 'grant-revoked' } }]);
});

t.test('P24 what is taken back before its opening is written never begins', async (t) => {
  let started = 0;
  const { live, records, ended } = begin(() => {
    started += 1;
    return { cut: () => {} };
  });
  live.cutWhere('grant-revoked', () => true);
  t.match(await ended, { ended: 'refused', error: { code: 'grant-revoked' } });
  t.equal(started, 0);
  t.match([records.opened.length, records.closed.length], [1, 1]);
});

t.test('P24 a run that fails to begin is over, and its record is closed', async (t) => {
  const { live, records, ended } = begin(() => {
    throw new PosternError('app-unreachable');
  });
  t.match(await ended, { ended: 'refused', error: { code: 'app-unreachable' } });
  t.equal(live.size, 0);
  t.match(records.closed, [{ details: { problem: 'app-unreachable' } }]);
});
