import { on, once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import t from 'tap';
import { request } from 'undici';
import { WebSocket } from 'ws';
import type { ChatMessage } from '../../../deploy/quickstart/apps/chat.ts';
import { startLive } from '../../../deploy/quickstart/apps/live.ts';
import { gatewayHeaders, startFakeGateway } from './support.ts';

const gateway = await startFakeGateway(t);
const live = await startLive({ port: 0, host: '127.0.0.1', keySetUrl: gateway.keySetUrl });
t.teardown(() => live.stop());
const address = `127.0.0.1:${live.port}`;
const headers = (claims?: Record<string, unknown>) => gatewayHeaders(gateway, 'live', claims);

/** A chat client that hands out its messages in order. */
function enter(name: string, origin?: string) {
  const originHeader = origin === undefined ? {} : { origin };
  const socket = new WebSocket(`ws://${address}/chat`, { headers: { ...headers({ name }), ...originHeader } });
  const inbox = on(socket, 'message');
  return { socket, next: async (): Promise<ChatMessage> => JSON.parse(String((await inbox.next()).value![0])) };
}

/** The status with which an upgrade is refused. */
async function refusedWith(path: string, upgradeHeaders: Record<string, string>): Promise<number> {
  const socket = new WebSocket(`ws://${address}${path}`, { headers: upgradeHeaders });
  socket.on('error', () => {});
  const [, answer] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage];
  answer.resume();
  return answer.statusCode!;
}

t.test('the clock sends an event at once and then one a second', async (t) => {
  const anonymous = await request(`http://${address}/clock`);
  t.equal(anonymous.statusCode, 401);
  await anonymous.body.dump();

  const answer = await request(`http://${address}/clock`, { headers: headers() });
  t.match(answer.headers['content-type'], /^text\/event-stream/);
  const chunks = answer.body[Symbol.asyncIterator]();
  for (const count of [1, 2]) {
    const [id, data] = String((await chunks.next()).value).split('\n');
    t.equal(id, `id: ${count}`, 'one event is one chunk');
    const event = JSON.parse(data!.replace(/^data: /, '')) as { time: string; count: number };
    t.equal(event.count, count);
    t.equal(new Date(event.time).toISOString(), event.time);
  }
  answer.body.destroy();
});

t.test('the page brings its script from its own origin', async (t) => {
  const page = await request(`http://${address}/`, { headers: headers() });
  t.match(page.headers['content-security-policy'], "default-src 'self'");
  t.match(await page.body.text(), '<script src="/live.js" defer>');
  const script = await request(`http://${address}/live.js`, { headers: headers() });
  t.match(script.headers['content-type'], /^text\/javascript/);
  const text = await script.body.text();
  t.doesNotThrow(() => new Function(text), 'the script is well formed');
});

t.test('the chat tells everybody, under verified names', async (t) => {
  const ada = enter('Ada', 'https://live.example.com');
  t.strictSame(await ada.next(), { kind: 'joined', from: 'Ada' });
  const eve = enter('Eve');
  t.strictSame(await eve.next(), { kind: 'joined', from: 'Eve' }, 'a program without an Origin may enter');
  t.strictSame(await ada.next(), { kind: 'joined', from: 'Eve' });

  eve.socket.send('{"kind":"said","from":"Ada","text":"forged"}');
  const heard = { kind: 'said', from: 'Eve', text: '{"kind":"said","from":"Ada","text":"forged"}' };
  t.strictSame(await ada.next(), heard);
  t.strictSame(await eve.next(), heard, 'one hears oneself');

  eve.socket.send('x'.repeat(5000));
  const [code] = await once(eve.socket, 'close');
  t.equal(code, 1009, 'too long a message ends the connection');
  t.strictSame(await ada.next(), { kind: 'left', from: 'Eve' });
  ada.socket.close();
  await once(ada.socket, 'close');
});

t.test('upgrades are asked for identity, path and origin', async (t) => {
  t.equal(await refusedWith('/chat', {}), 401);
  t.equal(await refusedWith('/chat', { 'postern-identity': gateway.mint('wiki') }), 401);
  t.equal(await refusedWith('/elsewhere', headers()), 404);
  for (const origin of ['https://evil.example.com', 'http://live.example.com', 'null']) {
    t.equal(await refusedWith('/chat', { ...headers(), origin }), 403, origin);
  }
});

t.test('stopping ends clock and chat', async (t) => {
  const other = await startLive({ port: 0, host: '127.0.0.1', keySetUrl: gateway.keySetUrl });
  const chat = new WebSocket(`ws://127.0.0.1:${other.port}/chat`, { headers: headers() });
  await once(chat, 'open');
  const clock = await request(`http://127.0.0.1:${other.port}/clock`, { headers: headers() });
  const chatEnd = once(chat, 'close');
  const clockEnd = t.rejects(clock.body.text());
  await other.stop();
  await Promise.all([chatEnd, clockEnd]);
});
