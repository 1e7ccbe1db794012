import t from 'tap';
import { RefusedCalls } from '../../../controller/from-agents/refused-calls.ts';
import { openStore } from '../../../controller/store/open-store.ts';
import { storedRecords } from '../../support/stored-records.ts';

t.test('P24 equal refused calls are one record a minute, which counts those since the one before', async (t) => {
  const store = await openStore(':memory:');
  t.teardown(() => store.stop());
  let now = 0;
  const refused = new RefusedCalls({ store, clock: { now: () => now } });
  const note = (device: string) =>
    refused.note({
      route: { method: 'POST', path: '/v1/apps' } as never,
      reason: 'device-not-active',
      device,
      origin: { from: '192.0.2.1', trace: 'a'.repeat(32) },
    });
  for (; now < 60_000; now += 10_000) await note('dev_00000001');
  await note('dev_00000002');
  await note('dev_00000001');
  const told = (await storedRecords(store.db)).map(({ time, device, event, count }) => [time, device, event, count]);
  t.same(told, [
    [0, 'dev_00000001', 'call-refused', undefined],
    [60_000, 'dev_00000002', 'call-refused', undefined],
    [60_000, 'dev_00000001', 'call-refused', 6],
  ]);
});
