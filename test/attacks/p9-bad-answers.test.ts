/**
 * P9 and P21: a table of what a bad app can answer, at both doors. The client hears a whole answer, a refusal, or sees that the answer
 * broke off; and the next request, of whomever, gets its own answer and never the rest of this one.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type IncomingMessage, Agent as NodeAgent, request } from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import t from 'tap';
import { httpApp } from '../support/gateway-apps.ts';
import { startChain } from '../support/gateway-chain.ts';
import { root } from '../support/source-tree.ts';
import { type Door, doorsOf } from '../support/wire-doors.ts';

interface Vector {
  readonly name: string;
  readonly method?: string;
  /** Latin-1; `{40000}`: so many letters. */
  readonly send: string;
  readonly later?: string;
  /** The app closes its connection behind it. */
  readonly close?: boolean;
  readonly heard?: string;
  readonly broken?: boolean;
}

const { vectors } = JSON.parse(readFileSync(`${root}/test/vectors/answers.json`, 'utf8')) as { vectors: Vector[] };
t.setTimeout(240_000);
let vector: Vector = { name: '', send: '' };
/** The connection that the bad answer went out on. */
let bad: Socket | undefined;
const app = createServer((socket) => {
  socket.on('error', () => {});
  socket.on('data', (chunk: Buffer) => {
    const target = chunk.toString('latin1').split(' ', 2)[1]!;
    if (target !== '/bad') {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${target.length}\r\n\r\n${target}`);
      return;
    }
    bad = socket;
    socket.write(fill(vector.send), 'latin1');
    if (vector.close === true) socket.end();
  });
});
app.listen(0, '127.0.0.1');
await once(app, 'listening');
t.teardown(() => app.close());
const chain = await startChain(t, [httpApp((app.address() as AddressInfo).port)]);

function fill(text: string): string {
  return text
    .replaceAll('{40000}', 'a'.repeat(40_000))
    .replaceAll('{1000 interim}', 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(1000))
    .replaceAll('{1000 hints}', 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'.repeat(1000));
}

interface Heard {
  readonly text: string;
  readonly names: readonly string[];
  readonly broken: boolean;
}

/** Over one connection, kept for as long as it lives. */
async function ask(door: Door, agent: NodeAgent, method: string, path: string): Promise<Heard> {
  const grant = door.grant('wiki').split(': ', 2)[1]?.trim();
  const headers = { host: door.host('wiki'), ...(grant === undefined ? {} : { 'postern-grant': grant }) };
  const sent = request({ agent, method, path, headers });
  sent.end();
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  let body = '';
  let broken = false;
  answer.on('error', () => {
    broken = true;
  });
  answer.on('data', (chunk) => {
    body += chunk;
  });
  await new Promise((resolve) => answer.once('close', resolve));
  const isProblem = answer.headers['content-type'] === 'application/problem+json';
  const word = isProblem && body !== '' ? (JSON.parse(body) as { code: string }).code : body;
  const names = [...answer.rawHeaders, ...answer.rawTrailers]
    .filter((_, i) => i % 2 === 0)
    .map((it) => it.toLowerCase());
  return { text: `${answer.statusCode} ${word}`.trim(), names, broken };
}

for (const door of doorsOf(chain)) {
  t.test(`P9 P21 ${vectors.length} answers, heard at the ${door.name}`, { timeout: 240_000 }, async (t) => {
    for (const one of vectors) {
      const agent = new NodeAgent({ keepAlive: true, maxSockets: 1 });
      agent.createConnection = (_options, onReady) => {
        void door.dial().then((socket) => onReady?.(null, socket));
        return undefined as never;
      };
      vector = one;
      bad = undefined;
      const heard = await ask(door, agent, one.method ?? 'GET', '/bad');
      if (one.broken === true) t.ok(heard.broken, `${one.name}: broken off`);
      else t.equal(heard.text, one.heard, one.name);
      const ours = heard.names.filter((name) =>
        /^(postern.(?!trace$|verdict$|forwarded$)|proxy-|x-hop|x_|content-encoding)/.test(name),
      );
      const count = (wanted: string) => heard.names.filter((name) => name === wanted).length;
      const fromGateway = door.name === 'gateway' && one.heard?.startsWith('502') ? 1 : 0;
      t.strictSame(ours, [], `${one.name}: nothing that is not the app's to say`);
      t.equal(count('postern-verdict'), fromGateway, `${one.name}: nor a verdict`);
      t.equal(count('postern-forwarded'), fromGateway, `${one.name}: nor whether it was forwarded`);
      if (one.later !== undefined) {
        const gone = once(bad!, 'close');
        bad!.write(one.later, 'latin1');
        await gone;
        t.pass(`${one.name}: that connection of the app is given up`);
      }
      for (const path of ['/first', '/second'])
        t.match(
          await ask(door, agent, 'GET', path),
          { text: `200 ${path}`, broken: false },
          `${one.name}: then ${path}`,
        );
      agent.destroy();
    }
  });
}
