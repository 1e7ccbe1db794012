/** Addresses: one spelling of each, and the parts of `host:port`. */
import t from 'tap';
import { addressToBytes, bytesToAddress } from '#shared/base/address-bytes.ts';
import { plainAddress } from '#shared/base/plain-address.ts';
import { splitAddress } from '#shared/base/split-address.ts';

t.test('an address has one spelling, however a socket shows it', async (t) => {
  for (const [shown, plain] of [
    ['10.1.2.3', '10.1.2.3'],
    ['::ffff:10.1.2.3', '10.1.2.3'],
    ['::FFFF:10.1.2.3', '10.1.2.3'],
    ['::ffff:10.1.2.3%eth0', '10.1.2.3'],
    ['fe80::A1%eth0', 'fe80::a1'],
    ['2001:DB8::1', '2001:db8::1'],
    ['::ffff:a01:203', '::ffff:a01:203'],
    ['unknown', 'unknown'],
    ['', ''],
  ] as const) {
    t.equal(plainAddress(shown), plain, shown);
  }
});

t.test('host and port of an address', async (t) => {
  t.same(splitAddress('controller.example:8443'), { host: 'controller.example', port: 8443 });
  t.same(splitAddress('10.1.2.3:1'), { host: '10.1.2.3', port: 1 });
  t.same(splitAddress('[2001:db8::1]:8443'), { host: '2001:db8::1', port: 8443 });
});

t.test('as bytes, every spelling of an address is one', async (t) => {
  const same = (a: string, b: string) => t.same(addressToBytes(a), addressToBytes(b), `${a} ${b}`);
  same('192.0.2.7', '::ffff:192.0.2.7');
  same('192.0.2.7', '::FFFF:c000:207');
  same('2001:db8::1', '2001:DB8:0:0:0:0:0:1');
  same('fe80::1%eth0', 'fe80::1');
  same('64:ff9b::192.0.2.7', '64:ff9b::c000:207');
  t.equal(bytesToAddress(addressToBytes('::ffff:192.0.2.7')!), '192.0.2.7');
  t.equal(bytesToAddress(addressToBytes('2001:db8::1')!), '2001:db8:0:0:0:0:0:1');
  t.equal(bytesToAddress(addressToBytes('::')!), '0:0:0:0:0:0:0:0');
  for (const wrong of ['', 'localhost', '192.0.2', '1.2.3.4.5', '2001:db8::1::2', ':::']) {
    t.equal(addressToBytes(wrong), undefined, wrong);
  }
  t.throws(() => bytesToAddress(Buffer.alloc(4)), TypeError);
});
