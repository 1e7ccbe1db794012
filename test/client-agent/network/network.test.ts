/** Another network is noticed, the same one is known again, and what worked there is kept. */
import { mkdirSync, writeFileSync } from 'node:fs';
import type { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { silentLog } from '#shared/base/log.ts';
import { ProfileDirectory } from '../../../client-agent/keystore/profile-directory.ts';
import { type NetworkNow, networkNow } from '../../../client-agent/network/network-now.ts';
import { RungFile } from '../../../client-agent/network/rung-file.ts';
import { NetworkWatch } from '../../../client-agent/network/watch-network.ts';

const head = 'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n';
const viaWifi = `${head}wlan0\t00000000\t0101A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0\n`;
const viaTether = `${head}usb0\t00000000\t81002AAC\t0003\t0\t0\t600\t00000000\t0\t0\t0\n`;

type Interfaces = ReturnType<typeof networkInterfaces>;
const four = (address: string, netmask = '255.255.255.0') =>
  ({ address, netmask, family: 'IPv4', internal: false, mac: '', cidr: null }) as const;
const at = (route: string, interfaces: Interfaces): NetworkNow =>
  networkNow({ interfaces: () => interfaces, readFile: (path) => (path === '/proc/net/route' ? route : undefined) });

t.test('a network is known by its way out, not by the address that one is given there', async (t) => {
  const home = at(viaWifi, { wlan0: [four('192.168.1.20')] });
  t.equal(at(viaWifi, { wlan0: [four('192.168.1.77')] }).id, home.id, 'another lease');
  t.equal(at(viaWifi, { wlan0: [four('192.168.1.20')], docker0: [four('172.17.0.1')] }).id, home.id, 'containers');
  t.not(at(viaTether, { usb0: [four('172.42.0.5')] }).id, home.id);
  t.not(at(viaWifi, { wlan0: [four('10.0.0.3')] }).id, home.id);
  t.not(at('', { wlan0: [four('192.168.1.20')] }).id, at('', { wlan0: [four('192.168.2.20')] }).id, 'without routes');
  t.same(home.addresses, ['192.168.1.20']);
  t.match(networkNow().id, /^[0-9a-f]{16}$/, 'this machine');
});

t.test('told of another network and of addresses that are gone, and of nothing else', async (t) => {
  let now = at(viaWifi, { wlan0: [four('192.168.1.20')] });
  const told: NetworkNow[] = [];
  const watch = new NetworkWatch({ read: () => now, onChange: (one) => void told.push(one), log: silentLog });
  watch.look();
  now = at(viaWifi, { wlan0: [four('192.168.1.20'), four('192.168.1.21')] });
  watch.look();
  t.same(told, [], 'one more address');
  now = at(viaWifi, { wlan0: [four('192.168.1.21')] });
  watch.look();
  t.match(told, [{ addresses: ['192.168.1.21'] }], 'one is gone');
  now = at('', {});
  watch.look();
  now = at(viaTether, { usb0: [four('172.42.0.5')] });
  watch.look();
  t.equal(told.length, 3);
  t.equal(watch.id, now.id);
});

t.test('what worked where outlives the process; the networks used last are kept', async (t) => {
  const directory = () => new ProfileDirectory(t.testdirName);
  mkdirSync(t.testdirName, { mode: 0o700, recursive: true });
  const file = new RungFile(directory(), silentLog);
  t.equal(file.get('home', 'controller'), undefined);
  file.set('home', 'controller', { rung: 'prelude', at: 5 });
  file.set('home', 'gateway gw', { rung: 'udp 62202', at: 6 });
  t.same(new RungFile(directory(), silentLog).get('home', 'controller'), { rung: 'prelude', at: 5 });
  t.equal(file.get('home', 'constructor'), undefined);
  for (let n = 0; n < 40; n += 1) file.set(`network-${n}`, 'controller', { rung: 'direct', at: n });
  const again = new RungFile(directory(), silentLog);
  t.equal(again.get('home', 'controller'), undefined);
  t.match(again.get('network-39', 'controller'), { rung: 'direct' });
  t.match(again.get('network-8', 'controller'), { rung: 'direct' });
  t.equal(again.get('network-7', 'controller'), undefined);
  writeFileSync(join(t.testdirName, 'rungs.json'), '{"v":1,"networks":[{"id":7}]}', { mode: 0o600 });
  t.equal(new RungFile(directory(), silentLog).get('network-39', 'controller'), undefined, 'damaged: found out anew');
});
