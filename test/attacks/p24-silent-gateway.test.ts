/** P24: a gateway that is connected and does not tell how far its records have come is an alarm; one that is idle, away, behind or out of disk is none. */
import t, { type Test } from 'tap';
import { minute } from '#shared/base/clock.ts';
import { silentLog } from '#shared/base/log.ts';
import type { GatewayCondition } from '#shared/contracts/gateway-to-controller.ts';
import { GatewayConditions } from '../../controller/from-gateways/gateway-conditions.ts';
import { SilentGateways } from '../../controller/from-gateways/silent-gateways.ts';
import { openStore } from '../../controller/store/open-store.ts';
import { addGatewayRow } from '../support/add-gateway-row.ts';
import { storedRecords } from '../support/stored-records.ts';

const start = Date.UTC(2026, 10, 20);

async function world(t: Test) {
  const store = await openStore(':memory:');
  t.teardown(() => store.stop());
  const { db } = store;
  for (const id of ['gw-1', 'gw-2']) await addGatewayRow(db, { id, site: 'main' });
  const clock = { at: start, now: () => clock.at };
  const connected = new Set(['gw-1', 'gw-2']);
  const conditions = new GatewayConditions({ db, clock, log: silentLog });
  const silent = new SilentGateways({ db, log: silentLog, conditions, streams: { connected: () => connected } });
  /** Minutes in which the first says this, and the other that all is delivered. */
  const minutes = async (count: number, says: (at: number) => GatewayCondition | undefined, leap = 0) => {
    for (let n = 0; n < count; n += 1) {
      clock.at += minute + leap;
      const said = says(clock.at);
      if (said !== undefined) await conditions.told('gw-1', said);
      await conditions.told('gw-2', { waitingBytes: 0, through: clock.at });
      await silent.look(clock.at);
    }
  };
  const told = async () =>
    (await storedRecords(db)).filter(({ kind }) => kind === 'gateway').map(({ event, gateway }) => [event, gateway]);
  return { db, clock, connected, silent, minutes, told };
}

const idle = (at: number): GatewayCondition => ({ waitingBytes: 0, through: at });
const nothing = () => undefined;

for (const [name, says] of [
  ['nothing', nothing],
  ['the same again and again', () => ({ waitingBytes: 0, through: start })],
  ['that it does not know', () => ({ waitingBytes: 5 })],
] as const)
  t.test(`P24 a gateway that says ${name} is an alarm, once, and so is the end of it`, async (t) => {
    const { minutes, told } = await world(t);
    await minutes(5, idle);
    await minutes(9, says);
    t.same(await told(), []);
    await minutes(40, says);
    t.same(await told(), [['records-silent', 'gw-1']]);
    await minutes(5, idle);
    t.same(await told(), [
      ['records-silent', 'gw-1'],
      ['records-tell-again', 'gw-1'],
    ]);
    await minutes(20, says);
    t.equal((await told()).length, 3, 'and anew');
  });

t.test('P24 one that never said anything', async (t) => {
  const { minutes, told } = await world(t);
  await minutes(20, nothing);
  t.same(await told(), [['records-silent', 'gw-1']]);
});

t.test('P24 no alarm: idle for days, catching up, without disk, away, a host that slept', async (t) => {
  const { minutes, told, connected, clock, silent } = await world(t);
  await minutes(300, idle);
  await minutes(60, (at) => ({ waitingBytes: 1e9, through: start + Math.floor((at - start) / 100) }));
  await minutes(60, () => ({ waitingBytes: 5, refusing: 'the disk has 5 bytes left' }));
  for (let n = 1; n < 9; n += 1) {
    await minutes(8, nothing);
    connected.delete('gw-1');
    await minutes(n, nothing);
    connected.add('gw-1');
  }
  await minutes(1, idle);
  clock.at += 600 * minute;
  for (let n = 0; n < 3; n += 1) await silent.look(clock.at);
  await minutes(6, nothing, 100 * minute);
  t.same(await told(), []);
});
