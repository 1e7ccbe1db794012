/**
 * P9 and P21: a table of what can be smuggled, written byte for byte at both doors, the agent's local side and the gateway. Each is
 * refused, or the app got what was judged and recorded; and what hides behind it is never taken for a request of its own.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { httpApp } from '../support/gateway-apps.ts';
import { startChain } from '../support/gateway-chain.ts';
import { root } from '../support/source-tree.ts';
import { startStrictApp, told } from '../support/strict-app.ts';
import { answersIn, type Door, doorsOf, shorten, talk } from '../support/wire-doors.ts';

interface Vector {
  readonly name: string;
  /**
   * Latin-1. `{host}`, `{HOST}`, `{name}` and `{:port}` of the door; `{grant}` the grant's line, where the door wants one;
   * `{20000}` so many letters, `{300}` so many headers.
   */
  readonly send: string;
  /** The answers, `GET /end` behind it included where the connection goes on. */
  readonly answers: readonly string[];
  /** Where the agent's differ. */
  readonly agent?: readonly string[];
}

const file = join(root, 'test/vectors/smuggling.json');
const { vectors } = JSON.parse(readFileSync(file, 'utf8')) as { vectors: Vector[] };
t.setTimeout(240_000);
const app = await startStrictApp(t);
const chain = await startChain(t, [httpApp(app.port)]);
const { records } = chain.gw;

function fill(text: string, door: Door): string {
  const host = door.host('wiki');
  const [name = '', port] = host.split(':');
  return text
    .replaceAll('{host}', host)
    .replaceAll('{HOST}', host.toUpperCase())
    .replaceAll('{name}', name)
    .replaceAll('{:port}', port === undefined ? '' : `:${port}`)
    .replaceAll('{300}', Array.from({ length: 300 }, (_, i) => `X-${i}: a`).join('\r\n'))
    .replaceAll(/\{(\d{5})\}/g, (_, count) => 'a'.repeat(Number(count)))
    .replaceAll('{grant}', door.grant('wiki'));
}

const end = 'GET /end HTTP/1.1\r\nHost: {host}\r\n{grant}Connection: close\r\n\r\n';

for (const door of doorsOf(chain)) {
  t.test(`P9 P21 ${vectors.length} attempts at the ${door.name}`, { timeout: 240_000 }, async (t) => {
    for (const { name, send, answers, agent } of vectors) {
      app.clear();
      const recorded = records.opened.length;
      const heard = answersIn(await talk(door, fill(send + end, door)));
      const want = (door.name === 'agent' && agent) || answers;
      t.strictSame(heard.map(shorten), want, name);
      const taken = want.filter((one) => one.startsWith('200 ')).map((one) => one.slice(4));
      t.strictSame(app.received.map(told), taken, `${name}: the app took that and no more`);
      t.strictSame(app.unread, [], `${name}: and could read it`);
      t.strictSame(
        records.opened
          .slice(recorded)
          .map(({ request }) => `${request?.method} ${request?.path}`)
          .slice(0, taken.length),
        taken.map((one) => one.split(' ', 2).join(' ')),
        `${name}: as it was judged and recorded`,
      );
      for (const { headers, trailers } of app.received) {
        const isHandshake = headers.some(([header]) => header === 'Sec-WebSocket-Key') && name.includes('app refuses');
        const ofHandshake = isHandshake ? ['connection: upgrade', 'upgrade: websocket'] : [];
        const wrong = headers.filter(
          ([header, value]) => isWrong(header.toLowerCase(), value) && !ofHandshake.includes(`${header}: ${value}`),
        );
        t.strictSame(wrong, [], `${name}: no header that should not be there`);
        t.equal(trailers, '', `${name}: no trailer`);
      }
    }
  });
}

const own = new Set([
  'host',
  'forwarded',
  'postern-identity',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
]);

function isWrong(name: string, value: string): boolean {
  if (name === 'host' || name === 'x-forwarded-host') return value !== 'wiki.corp.example';
  if (name === 'content-length') return !/^(0|[1-9]\d*)$/.test(value);
  if (name === 'connection') return value !== 'keep-alive';
  return (
    !own.has(name) &&
    (/[^a-z-]/.test(name) || /^(postern|proxy|x-forwarded)|^(upgrade|http2-settings|te|trailer)$/.test(name))
  );
}
