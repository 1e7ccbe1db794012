/** Long streams over real HTTP: order, silence, slow readers, coming back. */
import { once } from 'node:events';
import { createServer, get, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import { PosternError } from '#shared/base/errors.ts';
import { type ChannelState, openLongChannel } from '#shared/wire/long-channel.ts';
import { readNdjson, writeNdjson } from '#shared/wire/ndjson.ts';
import { readSse, readSseJson, writeSse } from '#shared/wire/sse.ts';

async function* bytesOf(...texts: string[]): AsyncGenerator<Buffer> {
  for (const text of texts) yield Buffer.from(text);
}

async function all<T>(values: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const value of values) list.push(value);
  return list;
}

const isNumber = (value: unknown): value is number => typeof value === 'number';
/** Like the body of an undici answer: bytes until the server ends, an error when it breaks. */
async function open(origin: string, signal: AbortSignal): Promise<AsyncIterable<Buffer>> {
  const call = get(origin, { signal });
  const [response] = await once(call, 'response');
  return response as AsyncIterable<Buffer>;
}

async function serve(t: Test, handle: (response: ServerResponse, count: number) => void): Promise<string> {
  let count = 0;
  const server = createServer((_, response) => {
    count += 1;
    handle(response, count);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

t.test('NDJSON is split wherever the network cuts it', async (t) => {
  t.same(await all(readNdjson(bytesOf('{"a":', '1}\n{"b"', ':2}\n\n3\n'))), [{ a: 1 }, { b: 2 }, 3]);
  const euro = Buffer.from('"€"\n');
  async function* cut() {
    yield euro.subarray(0, 2);
    yield euro.subarray(2);
  }
  t.same(await all(readNdjson(cut())), ['€']);
  await t.rejects(all(readNdjson(bytesOf('nonsense\n'))), { code: 'bad-answer' });
  await t.rejects(all(readNdjson(bytesOf('1\n{"cut":'))), { code: 'bad-answer', message: /inside a line/ });
  await t.rejects(all(readNdjson(bytesOf('"aaaa', 'aaaaaaa'), { maxLine: 8 })), {
    code: 'bad-answer',
    message: /longer/,
  });
  await t.rejects(all(readNdjson(bytesOf('"aaaaaaaaaaa"\n'), { maxLine: 8 })), {
    code: 'bad-answer',
    message: /longer/,
  });
});

t.test('server-sent events as the standard reads them', async (t) => {
  const text =
    ':hi\r\nid: 7\nevent: a\ndata: 1\ndata:  2\n\nunknown: x\n\ndata\n\ndata: last, without its empty line\n';
  t.same(await all(readSse(bytesOf(text))), [
    { event: 'a', data: '1\n 2', id: '7' },
    { event: 'message', data: '', id: '7' },
  ]);
  const origin = await serve(t, (response) => {
    const writer = writeSse(response);
    writer.beat();
    writer.send({ text: 'two\nlines' }, { event: 'e', id: '1' });
    writer.send('data: fake\n\n');
    t.throws(() => writer.send(1, { event: 'a\ndata: forged' }), TypeError);
    writer.end();
  });
  t.same(await all(readSseJson(await open(origin, AbortSignal.timeout(10_000)))), [
    { text: 'two\nlines' },
    'data: fake\n\n',
  ]);
  await t.rejects(all(readSseJson(bytesOf('data: {\n\n'))), { code: 'bad-answer' });
});

t.test('a reader that does not read is cut, and the others know', async (t) => {
  const origin = await serve(t, (response) => {
    const writer = writeNdjson(response, { maxBuffered: 100_000 });
    let sent = 0;
    // Sixteen megabytes overflow whatever the kernel buffers.
    while (sent < 256 && writer.send('x'.repeat(65_536))) sent += 1;
    t.ok(sent < 256, 'the writer says no');
    t.equal(writer.send(1), false);
    void writer.closed.then(() => t.pass('closed is told'));
  });
  const call = get(origin);
  const [response] = await once(call, 'response').catch(() => [undefined]);
  response?.on('error', () => {});
  response?.resume();
  if (response !== undefined && !response.closed) await once(response, 'close');
});

interface Watched {
  readonly states: string[];
  readonly seen: number[];
  until(test: () => boolean): Promise<void>;
}

function watch(t: Test, settings: Partial<Parameters<typeof openLongChannel<number>>[0]> & { origin: string }) {
  const states: string[] = [];
  const seen: number[] = [];
  const waiting: { test: () => boolean; resolve: () => void }[] = [];
  const changed = () => {
    for (const { test, resolve } of waiting) if (test()) resolve();
  };
  const channel = openLongChannel<number>({
    connect: (signal) => open(settings.origin, signal),
    check: isNumber,
    silenceMs: 5000,
    backoff: { firstMs: 1, maxMs: 4 },
    onMessage: (message) => {
      seen.push(message);
      changed();
    },
    onState: (state: ChannelState, end) => {
      states.push(end === undefined ? state : `${state} ${end.error.code}`);
      changed();
    },
    ...settings,
  });
  t.teardown(() => channel.stop());
  const until = (test: () => boolean) =>
    new Promise<void>((resolve) => {
      waiting.push({ test, resolve });
      changed();
    });
  return { channel, states, seen, until } satisfies Watched & { channel: unknown };
}

t.test('a channel comes back after every kind of end', async (t) => {
  const origin = await serve(t, (response, count) => {
    const writer = writeNdjson(response);
    if (count === 1) response.socket?.destroy();
    else if (count === 2) writer.send('outside the contract');
    else {
      writer.send(count);
      if (count < 5) writer.end();
    }
  });
  const { channel, states, seen, until } = watch(t, { origin });
  await until(() => seen.includes(5));
  t.same(seen, [3, 4, 5]);
  t.same(
    states.filter((state) => state.startsWith('waiting')),
    ['waiting unreachable', 'waiting bad-answer', 'waiting unreachable', 'waiting unreachable'],
  );
  await channel.stop();
  t.equal(states.at(-1), 'stopped');
});

t.test('a silent peer is given up, even one whose connection hangs', async (t) => {
  const origin = await serve(t, (response, count) => {
    if (count === 1) return;
    const writer = writeNdjson(response);
    writer.send(count);
  });
  const { seen, states, until } = watch(t, { origin, silenceMs: 400 });
  await until(() => seen.length >= 2);
  t.same(seen.slice(0, 2), [2, 3]);
  t.equal(
    states.find((state) => state.startsWith('waiting')),
    'waiting unreachable',
  );
});

t.test('a message that cannot be applied starts the stream again; a wish to reconnect ends the pause', async (t) => {
  const origin = await serve(t, (response, count) => void writeNdjson(response).send(count));
  let isFirst = true;
  const { channel, seen, states, until } = watch(t, {
    origin,
    // A pause nobody would wait for.
    backoff: { firstMs: 3_600_000, maxMs: 3_600_000 },
    random: () => 1,
    onMessage: (message) => {
      if (isFirst) {
        isFirst = false;
        throw new PosternError('bad-answer', 'a gap');
      }
      seen.push(message);
    },
  });
  await until(() => states.includes('waiting bad-answer'));
  channel.reconnect();
  await until(() => states.filter((state) => state === 'open').length === 2);
  channel.reconnect();
  await until(() => states.filter((state) => state === 'open').length === 3);
  t.same(seen.includes(1), false);
});
