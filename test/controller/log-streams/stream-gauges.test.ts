/** What metrics tell of streams: all five of one reading. */
import t from 'tap';
import { silentLog } from '#shared/base/log.ts';
import { newMasterKey, parseMasterKey, Sealer } from '#shared/crypto/seal.ts';
import { addStream } from '../../../controller/log-streams/change-streams.ts';
import { streamGauges } from '../../../controller/log-streams/stream-gauges.ts';
import { makeMetricsServer } from '../../../controller/metrics-server.ts';
import { makeLogWorld } from '../../support/log-world.ts';

t.test('streams are read once an answer, and again for the next', async (t) => {
  const world = await makeLogWorld(t);
  const { db } = world.store;
  await world.append(3);
  const sealer = new Sealer({ current: parseMasterKey(newMasterKey()) });
  const body = { name: 'siem', kind: 'splunk', url: 'https://siem.test', token: 'x', since: 0 } as const;
  await db.transaction().execute((trx) => addStream(trx, 1, { body, by: 'olga', sealer }));
  let asked = 0;
  const stateOf = () => {
    asked += 1;
    return { held: true, trouble: undefined };
  };
  const gauges = streamGauges({ db, sealer, logStreams: { stateOf } }, { now: () => 2_000_000 });
  const server = makeMetricsServer(gauges, [], silentLog);
  t.teardown(() => server.close());
  const scrape = async () => (await server.inject('/metrics')).body;
  const text = await scrape();
  t.match(text, /^postern_log_stream_behind_records\{stream="siem"\} 3$/m);
  t.match(text, /^postern_log_stream_behind_seconds\{stream="siem"\} 999$/m);
  t.match(text, /^postern_log_stream_failing\{stream="siem"\} 0$/m);
  t.equal(asked, 1);
  await world.append(2);
  t.match(await scrape(), /^postern_log_stream_behind_records\{stream="siem"\} 5$/m);
  t.equal(asked, 2);
});
