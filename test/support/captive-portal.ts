/**
 * The router of a guest network. While `captive` it answers for everyone: each name by its own address, HTTP with a way to its portal, TLS
 * with a certificate of its own. A line on standard input says `captive` or `open`; each is answered when it is done. `asked`: the names that DNS
 * was asked since the last time.
 */
import { createSocket } from 'node:dgram';
import type { Server } from 'node:net';
import { createInterface } from 'node:readline';
import { createServer as createTls } from 'node:tls';
import { decode, encode } from 'dns-packet';
import { createServer as createHttp } from '#shared/base/node-http.ts';
import { serverTlsOptions } from '#shared/wire/mutual-tls.ts';
import { makeTestCa } from './test-ca.ts';

const [own = '', names = ''] = process.argv.slice(2);
/** What DNS says once it is open: `{"name": "address"}`. */
const truth = JSON.parse(names) as Record<string, string>;
const tlsPorts = [443, 8442, 8443, 8444];
let isCaptive = false;
const servers = new Set<Server>();
const ca = await makeTestCa('portal.wifi');
const leaf = await ca.leaf('controller', 'wifi');

const dns = createSocket('udp4').bind(53, '0.0.0.0');
const asked = new Set<string>();
dns.on('message', (bytes, from) => {
  const { id, questions = [] } = decode(bytes);
  const { name = '', type } = questions[0] ?? {};
  asked.add(name.toLowerCase());
  const data = isCaptive ? own : truth[name.toLowerCase()];
  const answers = type === 'A' && data !== undefined ? [{ type: 'A' as const, name, ttl: 0, data }] : [];
  const flags = 0x8180 | (data === undefined ? 3 : 0);
  dns.send(encode({ type: 'response', id: id!, flags, questions, answers }), from.port, from.address);
});

async function listen(server: Server, port: number): Promise<void> {
  servers.add(server);
  const sockets = new Set<{ destroy(): void }>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).once('close', () => sockets.delete(socket));
  });
  server.once('close', () => servers.delete(server));
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(port, '0.0.0.0', resolve));
}
let closers: (() => void)[] = [];

async function capture(): Promise<void> {
  isCaptive = true;
  const portal = createHttp((_req, res) => res.writeHead(302, { location: 'http://portal.wifi/sign-in' }).end());
  await listen(portal, 80);
  for (const port of tlsPorts) {
    const tls = createTls(serverTlsOptions({ ...leaf, mutual: false }), (socket) => socket.on('error', () => {}));
    await listen(tls as Server, port);
  }
}

function release(): void {
  isCaptive = false;
  for (const close of closers) close();
  closers = [];
}

const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => {
  if (line === 'asked') {
    console.log(JSON.stringify([...asked]));
    asked.clear();
    return;
  }
  if (line === 'open') release();
  void (line === 'captive' ? capture() : Promise.resolve()).then(() => console.log(line));
});
lines.once('close', () => process.exit(0));
dns.once('listening', () => console.log('ready'));
