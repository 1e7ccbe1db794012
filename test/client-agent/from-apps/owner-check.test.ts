/** Whose a connection is, told by real rows of this machine and by made ones. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import t from 'tap';
import { judgeSockets, listSockets } from '../../../client-agent/from-apps/lsof-check.ts';
import {
  createOwnerCheck,
  type OwnerCheckParts,
  systemOwnerParts,
} from '../../../client-agent/from-apps/owner-check.ts';
import { findRows, hexEndpoint } from '../../../client-agent/from-apps/proc-net-rows.ts';
import { findProgram } from '../../support/programs.ts';

const ends = { remoteAddress: '127.0.0.1', remotePort: 50_334, localAddress: '127.0.0.1', localPort: 7070 };
const far = { address: '127.0.0.1', port: 50_334 };
const near = { address: '127.0.0.1', port: 7070 };
const row = (more: { state?: string; uid?: string; inode?: string } = {}) =>
  `   1: ${hexEndpoint(far, false)} ${hexEndpoint(near, false)} ${more.state ?? '01'} 00000000:00000000 00:00000000 00000000 ${more.uid ?? ' 1000'}        0 ${more.inode ?? '4711'} 1 0000000000000000 20 4 30 10 -1\n`;
const header = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';
const ask = (tables: readonly string[], parts: Partial<Omit<OwnerCheckParts, 'readTable'>> = {}) => {
  let reads = 0;
  const readTable = async (path: string) =>
    path.endsWith('6') ? '' : `${header}${tables[Math.min(reads++, tables.length - 1)]}`;
  return createOwnerCheck({
    platform: 'linux',
    uid: 1000,
    isOverflow: false,
    isHere: () => true,
    readTable,
    listSockets: async () => '',
    ...parts,
  })(ends);
};

t.test(
  'addresses are written as the kernel writes them',
  { skip: process.arch === 's390x' && 'big-endian' },
  async (t) => {
    t.equal(hexEndpoint({ address: '127.0.0.1', port: 7070 }, false), '0100007F:1B9E');
    t.equal(hexEndpoint({ address: '::1', port: 80 }, false), '00000000000000000000000001000000:0050');
    t.equal(hexEndpoint({ address: '127.0.0.1', port: 1 }, true), '0000000000000000FFFF00000100007F:0001');
    t.equal(hexEndpoint({ address: '::ffff:127.0.0.1', port: 1 }, false), '0100007F:0001');
    t.equal(hexEndpoint({ address: 'fe80::1%lo', port: 1 }, false), '000080FE000000000000000001000000:0001');
  },
);

t.test('only a row of this user with a live socket counts', async (t) => {
  t.equal(await ask([row()]), 'own');
  t.equal(await ask([row({ uid: ' 1001' })]), 'other');
  t.equal(await ask([row({ uid: '    0' })]), 'unprovable', 'root relays for others');
  t.equal(await ask([row({ inode: '0' })]), 'other', 'nobody holds it');
  t.equal(await ask([row({ uid: '0', inode: '0' })], { uid: 0 }), 'other', 'a dead socket is not root');
  t.equal(await ask([row({ state: '05' })]), 'own', 'it has ended its half');
  t.equal(await ask([row({ state: '05', uid: '1001' })]), 'other', 'and so does not hide whose it is');
  t.equal(await ask([row() + row({ uid: '0' })]), 'other');
  t.equal(await ask([row() + row({ uid: '1001' })]), 'other', 'two rows that disagree');
  t.equal(await ask(['']), 'other');
  t.equal(await ask([''], { isHere: () => false }), 'unprovable', 'another machine or namespace');
  t.equal(await ask([row({ uid: '1001' })], { isHere: () => false }), 'other');
  t.equal(await ask([row().replace('4711', 'x')]), 'other');
  t.equal(await ask(['', row()]), 'own', 'a row that the first read missed');
  t.equal(await ask([row()], { platform: 'darwin' }), 'unprovable', 'lsof told nothing');
  t.equal(await ask([row()], { platform: 'win32' }), 'unprovable');
  t.equal(await ask([row()], { isOverflow: true }), 'unprovable');
  t.same(findRows(header, far, near, false), []);
});

t.test('connections that come together share reads, and each read is younger than the connection', async (t) => {
  const reads: ((text: string) => void)[] = [];
  const readTable = () => new Promise<string>((resolve) => reads.push(resolve));
  const check = createOwnerCheck({
    platform: 'linux',
    uid: 1000,
    isOverflow: false,
    isHere: () => true,
    readTable,
    listSockets: async () => '',
  });
  const first = check(ends);
  const second = check(ends);
  const third = check(ends);
  t.equal(reads.length, 1);
  reads[0]!(header + row());
  t.equal(await first, 'own');
  t.equal(reads.length, 2, 'the later two did not take the old text');
  reads[1]!(header + row());
  t.equal(await second, 'own');
  t.equal(await third, 'own');
  t.equal(reads.length, 2);
});

const isLinux = process.platform === 'linux';

t.test('real connections over IPv4, IPv6 and mapped IPv4', { skip: !isLinux && 'needs /proc' }, async (t) => {
  const check = createOwnerCheck(systemOwnerParts());
  const pair = async (host: string, target: string): Promise<Socket> => {
    const server = createServer({ allowHalfOpen: true });
    server.listen(0, host);
    await once(server, 'listening');
    const client = connect({ port: (server.address() as AddressInfo).port, host: target });
    const [socket] = (await once(server, 'connection')) as [Socket];
    await once(client, 'connect');
    t.teardown(() => {
      client.destroy();
      socket.destroy();
      server.close();
    });
    return socket;
  };
  t.equal(await check(await pair('127.0.0.1', '127.0.0.1')), 'own');
  t.equal(await check(await pair('::1', '::1')), 'own');
  t.equal(await check(await pair('127.0.0.1', '::ffff:127.0.0.1')), 'own');
  const gone = await pair('127.0.0.1', '127.0.0.1');
  gone.destroy();
  t.equal(await check(gone), 'other', 'a socket without ends');
});

t.test('P30 what lsof says, for macOS', async (t) => {
  const own = 'p71\nf20\nn127.0.0.1:7070->127.0.0.1:50334\np72\nf9\nn127.0.0.1:50334->127.0.0.1:7070\n';
  t.equal(judgeSockets(own, ends), 'own');
  t.equal(judgeSockets(own.replace('n127.0.0.1:50334', 'n127.0.0.1:5033'), ends), 'other', 'another port');
  t.equal(judgeSockets('p71\nf20\nn127.0.0.1:7070->127.0.0.1:50334\n', ends), 'other', 'only our own end is shown');
  t.equal(judgeSockets('', ends), 'unprovable', 'lsof told nothing');
  t.equal(judgeSockets('p72\nf9\nn127.0.0.1:50334->127.0.0.1:7070\n', ends), 'unprovable', 'nor our own end');
  const six = { remoteAddress: '::1', remotePort: 5, localAddress: '::1', localPort: 7 };
  t.equal(judgeSockets('n[::1]:7->[::1]:5\nn[::1]:5->[::1]:7\n', six), 'own');
  t.equal(judgeSockets(own, { ...ends, remotePort: undefined }), 'other');
  const asked = { platform: 'darwin' as const, listSockets: async () => own };
  t.equal(await ask([], asked), 'own');
  t.equal(await ask([], { ...asked, isHere: () => false }), 'unprovable', 'another machine');
  t.equal(await listSockets('7070', 0, '/nowhere/lsof'), '');
});

const lsof = findProgram('lsof');

t.test('P30 real connections by lsof', { skip: lsof === undefined && 'not installed: lsof' }, async (t) => {
  const uid = process.geteuid!();
  const list = (port: string) => listSockets(port, uid, lsof);
  const check = createOwnerCheck({ ...systemOwnerParts(), platform: 'darwin', listSockets: list });
  for (const host of ['127.0.0.1', '::1']) {
    const server = createServer().listen(0, host);
    await once(server, 'listening');
    const client = connect({ port: (server.address() as AddressInfo).port, host });
    const [socket] = (await once(server, 'connection')) as [Socket];
    t.teardown(() => {
      client.destroy();
      socket.destroy();
      server.close();
    });
    t.equal(await check(socket), 'own', host);
    const others = createOwnerCheck({
      ...systemOwnerParts(),
      platform: 'darwin',
      listSockets: (port) => listSockets(port, uid + 1, lsof),
    });
    t.equal(await others(socket), 'unprovable', 'of the sockets of another user neither end is shown');
  }
});
