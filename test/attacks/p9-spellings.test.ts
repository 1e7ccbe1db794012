/**
 * P9: a table of spellings of a forbidden path, and of headers that would replace what was judged, at both doors. Each is refused, or the
 * app got exactly what was judged and recorded.
 */
import { readFileSync } from 'node:fs';
import t from 'tap';
import { httpApp } from '../support/gateway-apps.ts';
import { startChain } from '../support/gateway-chain.ts';
import type { GrantChanges } from '../support/gateway-world.ts';
import { root } from '../support/source-tree.ts';
import { startStrictApp, told } from '../support/strict-app.ts';
import { answersIn, type Door, doorsOf, shorten, talk } from '../support/wire-doors.ts';

interface Vector {
  /** `{host}`, `{HOST}` and `{name}` of the door. */
  readonly target: string;
  readonly method?: string;
  /** Lines of the head. */
  readonly headers?: readonly string[];
  readonly allow?: readonly string[];
  readonly answer: string;
  readonly agent?: string;
}

const { vectors } = JSON.parse(readFileSync(`${root}/test/vectors/spellings.json`, 'utf8')) as { vectors: Vector[] };
t.setTimeout(240_000);
const app = await startStrictApp(t);
const idOf = ({ allow = [] }: Vector) => (allow.length > 2 ? 'all' : allow.join('-and-') || 'wiki');
const allowed = new Map(vectors.map((vector) => [idOf(vector), vector.allow]));
const apps = Array.from(allowed, ([id, allowSpellings]) =>
  httpApp(app.port, {
    id,
    hosts: [`${id}.corp.example`],
    identityHeaders: { 'X-Remote-User': 'person' },
    ...(allowSpellings === undefined ? {} : { allowSpellings }),
  }),
);
const rules = (id: string): GrantChanges => {
  const is = (name: string, value: string) => ['==', ['c', 'request', name], value];
  const secret = [
    '&&',
    is('method', 'GET'),
    is('host', `${id}.corp.example`),
    is('path', '/admin/secret'),
    is('query', ''),
  ];
  return { rules: { v: 2, permits: [{ p: 0 }], forbids: [{ p: 1, if: secret }] } };
};
const chain = await startChain(t, apps, rules);
const { records } = chain.gw;

function send(door: Door, { target, method = 'GET', headers = [], ...rest }: Vector): Promise<string> {
  const id = idOf({ target, ...rest });
  const host = door.host(id);
  const url = target
    .replaceAll('{host}', host)
    .replaceAll('{HOST}', host.toUpperCase())
    .replaceAll('{name}', host.split(':', 1)[0]!);
  const lines = [`${method} ${url} HTTP/1.1`, `Host: ${host}`, ...headers, 'Connection: close'];
  return talk(door, `${lines.join('\r\n')}\r\n${door.grant(id)}\r\n`);
}

for (const door of doorsOf(chain, rules)) {
  t.test(`P9 ${vectors.length} spellings at the ${door.name}`, { timeout: 240_000 }, async (t) => {
    for (const vector of vectors) {
      app.clear();
      const recorded = records.opened.length;
      const { answer, agent, ...spelling } = vector;
      const name = JSON.stringify(spelling);
      const want = (door.name === 'agent' && agent) || answer;
      t.strictSame(answersIn(await send(door, vector)).map(shorten), [want], name);
      const taken = want.startsWith('200 ') ? [want.slice(4)] : [];
      t.strictSame(app.received.map(told), taken, `${name}: the app took that and no more`);
      const judged = records.opened.slice(recorded).map(({ request }) => `${request?.method} ${request?.path}`);
      t.strictSame(
        judged,
        taken.map((one) => one.split('?', 1)[0]),
        `${name}: as it was judged and recorded`,
      );
      for (const { headers } of app.received) checkHeaders(t, name, headers, vector.headers ?? []);
    }
  });
}

/** What this gateway says, each once; and of what the client sent, nothing. */
function checkHeaders(
  t: { strictSame(got: unknown, want: unknown, name: string): void },
  name: string,
  headers: readonly (readonly [string, string])[],
  sent: readonly string[],
): void {
  const claimed = sent.map((line) => line.slice(line.indexOf(': ') + 2));
  const claims = headers.filter(([header, value]) => claimed.includes(value) && header !== 'connection');
  t.strictSame(claims, [], `${name}: nothing of that reaches the app`);
  const values = (wanted: string) => headers.filter(([header]) => header.toLowerCase() === wanted);
  t.strictSame(values('x-remote-user'), [['X-Remote-User', 'anna']], `${name}: one person`);
  t.strictSame(values('postern-identity').length, 1, `${name}: one identity`);
  t.strictSame(values('x-forwarded-for'), [['x-forwarded-for', '127.0.0.1']], `${name}: one client`);
}
