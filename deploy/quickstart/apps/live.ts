/** The live app: a clock by server-sent events and a chat by WebSocket. Both end within a second of a revocation. */
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { openChat } from './chat.ts';
import { type AppOptions, createHttpApp, identityOf, listenHttp, type RunningApp } from './http-app.ts';
import { html, sendPage } from './page.ts';

export async function startLive(options: AppOptions): Promise<RunningApp> {
  const app = createHttpApp('live', options);
  const { routes } = app;

  routes.get('/', async (request, reply) => sendPage(reply, identityOf(request), 'Live', livePage));
  routes.get('/live.js', async (_request, reply) => reply.type('text/javascript; charset=utf-8').send(liveScript));

  // No HEAD: an endless answer has no headers worth asking for.
  routes.get('/clock', { exposeHeadRoute: false }, async (_request, reply) =>
    reply.type('text/event-stream').send(Readable.from(tick())),
  );

  const chat = openChat(routes.server, app.verify, options);
  const running = await listenHttp('live', app, options);
  return {
    port: running.port,
    stop() {
      chat.stop();
      return running.stop();
    },
  };
}

/** One event at once and one a second, until the reader goes away. */
async function* tick(): AsyncGenerator<string> {
  for (let count = 1; ; count += 1) {
    yield `id: ${count}\ndata: ${JSON.stringify({ time: new Date().toISOString(), count })}\n\n`;
    await sleep(1000, undefined, { ref: false });
  }
}

const livePage = html`<h1>Clock</h1>
<p><output id="clock">waiting for the first event</output></p>
<h1>Chat</h1>
<ul id="chat"></ul>
<form id="say"><input id="text" autocomplete="off" maxlength="1000" placeholder="Say something"> <button>Say</button></form>
<script src="/live.js" defer></script>`;

const liveScript = `
const show = (id, text) => { document.getElementById(id).textContent = text; };
const add = (text) => document.getElementById('chat').append(
  Object.assign(document.createElement('li'), { textContent: text }));

const clock = new EventSource('/clock');
clock.onmessage = (event) => { const { time, count } = JSON.parse(event.data); show('clock', time + ' (event ' + count + ')'); };
clock.onerror = () => show('clock', 'the stream was cut');

const chat = new WebSocket(location.origin.replace(/^http/, 'ws') + '/chat');
chat.onmessage = (event) => {
  const { kind, from, text } = JSON.parse(event.data);
  add(kind === 'said' ? from + ': ' + text : from + ' ' + kind);
};
chat.onclose = (event) => add('the chat was cut (' + event.code + ')');

document.getElementById('say').onsubmit = (event) => {
  event.preventDefault();
  const input = document.getElementById('text');
  if (input.value !== '') chat.send(input.value);
  input.value = '';
};
`;
