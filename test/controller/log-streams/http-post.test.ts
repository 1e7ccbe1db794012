/** What a receiver may answer, and what that does to us. */
import { createServer } from 'node:net';
import t from 'tap';
import { readBulkAnswer } from '../../../controller/log-streams/elasticsearch-target.ts';
import { HttpPost } from '../../../controller/log-streams/http-post.ts';
import { otlpSender, readOtlpAnswer } from '../../../controller/log-streams/otlp-target.ts';
import { readHecAnswer } from '../../../controller/log-streams/splunk-target.ts';
import { Trouble } from '../../../controller/log-streams/target.ts';
import { nastyRecords } from '../../support/nasty-records.ts';
import { type Receiver, startReceiver } from '../../support/siem-receivers.ts';

const { signal } = new AbortController();
const records = nastyRecords(3);

t.test(
  'an answer that does not end, is too large or leads elsewhere is trouble, and the next try is a new one',
  async (t) => {
    const elsewhere = await startReceiver(t, 'otlp');
    const receiver = await startReceiver(t, 'otlp');
    let written = 0;
    const hostile: [RegExp, Receiver['instead']][] = [
      [
        /its answer does not end/,
        (_, response) => {
          const more = () => {
            while (!response.destroyed && response.write('x'.repeat(65_536))) written += 65_536;
          };
          response.writeHead(200).on('drain', more);
          more();
        },
      ],
      [/Header/i, (_, response) => void response.writeHead(200, { x: 'y'.repeat(60_000) }).end()],
      [/redirects are not followed/, (_, response) => void response.writeHead(307, { location: elsewhere.url }).end()],
      [/other side closed|ECONNRESET|socket hang up/, (_, response) => void response.destroy()],
      [
        /it answered 401: who \ufffd\ufffdare you/,
        (_, response) => void response.writeHead(401).end('who \r\nare you'),
      ],
      [/it answered 404/, (_, response) => void response.writeHead(404).end('no'.repeat(5000))],
    ];
    const http = new HttpPost({}, {});
    const sender = otlpSender(http, { url: receiver.url }, {});
    t.teardown(() => sender.close());
    for (const [why, instead] of hostile) {
      receiver.instead = instead;
      const error = await sender.send(records, signal).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      t.match(error, { message: why, content: false });
      t.ok(error instanceof Trouble && error.message.length < 300);
      sender.close();
    }
    t.ok(written < 32 * 1024 * 1024, `${written} bytes of an endless answer were taken`);
    t.equal(elsewhere.requests.length, 0);
    receiver.instead = undefined;
    t.same(await sender.send(records, signal), { settled: 3 });
    t.same(receiver.wrong, []);
  },
);

t.test('what is no HTTP, and a name that leads where no stream goes', async (t) => {
  const server = createServer((socket) => void socket.on('error', () => {}).end('220 smtp.test ready\r\n'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const { port } = server.address() as { port: number };
  const post = async (url: string) => {
    const http = new HttpPost({}, {});
    t.teardown(() => http.close());
    return http.post(new URL(url), {}, '{}', signal);
  };
  await t.rejects(post(`http://127.0.0.1:${port}/`), { message: /./, content: false });
  await t.rejects(post('http://169.254.169.254/'), { message: /no stream goes/ });
  await t.rejects(post('http://[fe80::1]/'), { message: /no stream goes/ });
});

const answer = (status: number, body: unknown) => ({
  status,
  body: typeof body === 'string' ? body : JSON.stringify(body),
  afterMs: 5,
});
const isContent = (read: () => unknown): boolean => {
  try {
    read();
  } catch (error) {
    return (error as Trouble).content;
  }
  throw new Error('it was taken');
};

t.test(
  'OTLP: partial success is the end of it; 400 and 413 are about the content, all else is tried again',
  async (t) => {
    t.same(readOtlpAnswer(answer(200, {}), 3), { settled: 3 });
    t.same(readOtlpAnswer(answer(200, ''), 3), { settled: 3 });
    t.same(readOtlpAnswer(answer(200, { partialSuccess: { errorMessage: 'only a warning' } }), 3), { settled: 3 });
    const partialSuccess = { rejectedLogRecords: '2', errorMessage: 'too old' };
    t.same(readOtlpAnswer(answer(200, { partialSuccess }), 3), { settled: 3, unnamed: { count: 2, why: 'too old' } });
    t.match(readOtlpAnswer(answer(200, { partialSuccess }), 1), { settled: 1, refused: [{ index: 0 }] });
    for (const status of [400, 413])
      t.equal(
        isContent(() => readOtlpAnswer(answer(status, ''), 3)),
        true,
      );
    for (const status of [301, 401, 403, 404, 429, 500, 502, 503, 504])
      t.equal(
        isContent(() => readOtlpAnswer(answer(status, ''), 3)),
        false,
      );
  },
);

t.test('Splunk: a code on an event is about the content; an index or a token is not', async (t) => {
  t.same(readHecAnswer(answer(200, { text: 'Success', code: 0 }), 3), { settled: 3 });
  t.equal(
    isContent(() => readHecAnswer(answer(400, { code: 6, 'invalid-event-number': 1 }), 3)),
    true,
  );
  for (const code of [7, 10, 11, 14])
    t.equal(
      isContent(() => readHecAnswer(answer(400, { code }), 3)),
      false,
    );
  for (const status of [200, 401, 403, 503])
    t.equal(
      isContent(() => readHecAnswer(answer(status, { code: 9 }), 3)),
      false,
    );
  t.equal(
    isContent(() => readHecAnswer(answer(200, '<html>welcome to the portal of the hotel'), 3)),
    false,
    'not everything with 200 is a yes',
  );
});

t.test('Elasticsearch: each item has its own answer, and one that is missing is none', async (t) => {
  const item = (status: number) => ({
    create: { status, ...(status < 300 ? {} : { error: { type: 'x', reason: 'y' } }) },
  });
  const bulk = (...statuses: number[]) =>
    answer(200, { errors: statuses.some((status) => status > 299), items: statuses.map(item) });
  t.same(readBulkAnswer(bulk(201, 201), 2), { settled: 2 });
  t.same(readBulkAnswer(bulk(201, 409, 400, 201), 4), { settled: 4, refused: [{ index: 2, why: '400 x: y' }] });
  t.match(readBulkAnswer(bulk(201, 400, 429, 201), 4), {
    settled: 2,
    refused: [{ index: 1 }],
    rest: { message: /429/ },
  });
  t.match(readBulkAnswer(bulk(403, 201), 2), { settled: 0, rest: { message: /403/ } });
  t.equal(
    isContent(() => readBulkAnswer(bulk(201), 2)),
    false,
  );
  t.equal(
    isContent(() => readBulkAnswer(answer(200, 'ok'), 2)),
    false,
  );
  t.equal(
    isContent(() => readBulkAnswer(answer(413, ''), 2)),
    true,
  );
});
