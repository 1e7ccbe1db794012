/** Property tests of what the local side parses before it knows who speaks. */
import fc from 'fast-check';
import t from 'tap';
import { readCookies } from '../../../client-agent/from-apps/browser-cookie.ts';
import { type Endpoint, findRows, hexEndpoint } from '../../../client-agent/from-apps/proc-net-rows.ts';
import { readBasic } from '../../../client-agent/from-apps/proxy-login.ts';
import { readGreeting, readLogin, readRequest } from '../../../client-agent/from-apps/socks5-messages.ts';

const host = fc.stringMatching(/^[a-z0-9.-]{1,200}$/);
const port = fc.integer({ min: 0, max: 65_535 });

function connectTo(name: string, to: number): Buffer {
  const address = Buffer.from(name);
  return Buffer.concat([Buffer.from([5, 1, 0, 3, address.length]), address, Buffer.from([to >> 8, to & 255])]);
}

t.test('RFC 1928: a request is read back, and not before its last byte has come', async (t) => {
  fc.assert(
    fc.property(host, port, fc.uint8Array(), fc.nat(), (name, to, rest, at) => {
      const bytes = connectTo(name, to);
      const whole = readRequest(Buffer.concat([bytes, rest]));
      if (whole === 'more' || whole === 'bad' || 'refuse' in whole.ok) return false;
      const partly = readRequest(bytes.subarray(0, at % bytes.length));
      return whole.used === bytes.length && whole.ok.host === name && whole.ok.port === to && partly === 'more';
    }),
  );
  t.pass('the property held');
});

t.test('RFC 1928: no bytes throw, and none but version 5 is understood', async (t) => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      const read = [readGreeting(Buffer.from(bytes)), readRequest(Buffer.from(bytes))];
      return bytes.length === 0 || bytes[0] === 5 || read.every((found) => found === 'bad');
    }),
  );
  t.pass('the property held');
});

t.test('RFC 1929 and RFC 7617: what is written is read back, and no bytes throw', async (t) => {
  const name = fc.stringMatching(/^[a-z0-9.-]{1,63}$/);
  const password = fc.stringMatching(/^[\x20-\x7e]{1,80}$/);
  fc.assert(
    fc.property(name, password, fc.uint8Array({ maxLength: 8 }), (name, password, rest) => {
      const bytes = Buffer.from(
        `\x01${String.fromCharCode(name.length)}${name}${String.fromCharCode(password.length)}${password}`,
      );
      const login = readLogin(Buffer.concat([bytes, rest]));
      const basic = readBasic(`Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`);
      const wanted = JSON.stringify({ name, password });
      return (
        typeof login === 'object' &&
        login.used === bytes.length &&
        JSON.stringify(login.ok) === wanted &&
        JSON.stringify(basic) === wanted &&
        readLogin(bytes.subarray(0, -1)) === 'more'
      );
    }),
  );
  fc.assert(
    fc.property(fc.uint8Array(), fc.string(), (bytes, text) => {
      const read = readLogin(Buffer.from(bytes));
      return (bytes.length === 0 || bytes[0] === 1 || read === 'bad') && readBasic(text) === undefined;
    }),
  );
  for (const field of ['Basic', 'Basic ', 'Basic !', 'Digest YTpi', 'Basic YWI=', `Basic ${'YTpi'.repeat(400)}`]) {
    t.equal(readBasic(field), undefined, field.slice(0, 20));
  }
  t.same(readBasic('bAsIc YTpiOmM='), { name: 'a', password: 'b:c' });
});

t.test('cookies are read back; odd headers do not throw', async (t) => {
  const pair = fc.record({
    name: fc.stringMatching(/^[A-Za-z0-9_-]{1,20}$/),
    value: fc.stringMatching(/^[A-Za-z0-9=_"-]{0,20}$/),
  });
  fc.assert(
    fc.property(fc.array(pair), (pairs) => {
      const header = pairs.map(({ name, value }) => `${name}=${value}`).join('; ');
      return JSON.stringify(readCookies(header)) === JSON.stringify(pairs);
    }),
  );
  fc.assert(fc.property(fc.string(), (header) => Array.isArray(readCookies(header))));
  t.pass('the property held');
});

t.test('P30 the row of a connection is found in a table, and no other', async (t) => {
  const endpoint: fc.Arbitrary<Endpoint> = fc.record({ address: fc.ipV4(), port: fc.integer({ min: 1, max: 65_535 }) });
  const row = fc.record({
    local: endpoint,
    remote: endpoint,
    uid: fc.nat(70_000),
    inode: fc.nat(1e6),
    state: fc.constantFrom('01', '06', '0A'),
  });
  fc.assert(
    fc.property(fc.uniqueArray(row, { selector: (made) => JSON.stringify([made.local, made.remote]) }), (rows) => {
      const lines = rows.map(({ local, remote, uid, inode, state }, index) => {
        const ends = `${hexEndpoint(local, false)} ${hexEndpoint(remote, false)} ${state}`;
        return `${String(index).padStart(4)}: ${ends} 00000000:00000000 00:00000000 00000000 ${uid}        0 ${inode} 1 0000000000000000 20 4 30 10 -1`;
      });
      const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n${lines.join('\n')}\n`;
      return rows.every(({ local, remote, uid, inode }) => {
        const found = findRows(table, local, remote, false);
        return JSON.stringify(found) === JSON.stringify([{ uid, inode }]);
      });
    }),
  );
  t.pass('the property held');
});
