import { once } from 'node:events';
import { createServer } from 'node:http';
import fc from 'fast-check';
import t from 'tap';
import {
  checkRequestHead,
  createHeadGuard,
  type HeadReason,
  headReasons,
  isWebSocketUpgrade,
} from '#shared/wire/request-head.ts';
import { Client, listen } from './forward-rig.ts';

const head = (method: string, url: string, rawHeaders: string[], httpVersion = '1.1') => ({
  method,
  url,
  httpVersion,
  rawHeaders,
});
const host = ['Host', 'app.test'];

t.test('P9 every reason, by a head that earns it', async (t) => {
  const table: [HeadReason | undefined, ReturnType<typeof head>][] = [
    [undefined, head('GET', '/', host)],
    [undefined, head('GET', '/', host, '1.0')],
    [undefined, head('POST', '/a?b=%20', [...host, 'Transfer-Encoding', 'Chunked'])],
    [undefined, head('POST', '/', [...host, 'Content-Length', '12', 'Expect', '100-Continue'])],
    [undefined, head('GET', 'http://APP.test:80/x', host)],
    [undefined, head('GET', 'https://app.test', ['Host', 'app.test:443'])],
    [undefined, head('GET', '/', ['Host', '[2001:db8::1]:8080'])],
    [undefined, head('CONNECT', 'db.test:5432', ['Host', 'db.test:5432'])],
    [undefined, head('GET', '/', [...host, 'Upgrade', 'h2c', 'Content-Length', '0'])],
    ['http-version', head('GET', '/', [], '0.9')],
    ['http-version', head('GET', '/', host, '2.0')],
    ['method', head('TRACE', '/', host)],
    ['method', head('get', '/', host)],
    ['target', head('OPTIONS', '*', host)],
    ['target', head('GET', '/a#b', host)],
    ['target', head('GET', 'a', host)],
    ['target', head('GET', '', host)],
    ['target', head('GET', '/\u00e9', host)],
    ['target', head('GET', '/a b', host)],
    ['target', head('GET', 'ftp://app.test/', host)],
    ['target', head('GET', 'http://user@app.test/', host)],
    ['target', head('GET', 'http:///x', host)],
    ['target', head('CONNECT', '/', host)],
    ['target', head('CONNECT', 'app.test', host)],
    ['target', head('CONNECT', 'http://app.test:1', host)],
    ['host-missing', head('GET', '/', [])],
    ['host-missing', head('GET', '/', [], '1.0')],
    ['host-repeated', head('GET', '/', [...host, 'host', 'app.test'])],
    ['host-malformed', head('GET', '/', ['Host', ''])],
    ['host-malformed', head('GET', '/', ['Host', 'a.test, b.test'])],
    ['host-malformed', head('GET', '/', ['Host', 'a@b'])],
    ['host-malformed', head('GET', '/', ['Host', 'a/b'])],
    ['host-malformed', head('GET', '/', ['Host', 'a:'])],
    ['host-malformed', head('GET', '/', ['Host', 'a:99999'])],
    ['host-malformed', head('GET', '/', ['Host', 'a:0'])],
    ['host-malformed', head('GET', '/', ['Host', '.a'])],
    ['host-malformed', head('GET', '/', ['Host', 'a%2eb'])],
    ['host-mismatch', head('GET', 'http://other.test/', host)],
    ['host-mismatch', head('GET', 'http://app.test:81/', host)],
    ['host-mismatch', head('CONNECT', 'db.test:22', ['Host', 'db.test'])],
    ['transfer-encoding', head('POST', '/', [...host, 'Transfer-Encoding', 'gzip, chunked'])],
    ['transfer-encoding', head('POST', '/', [...host, 'Transfer-Encoding', 'chunked'], '1.0')],
    ['transfer-encoding', head('POST', '/', [...host, 'Transfer-Encoding', 'chunked', 'Transfer-Encoding', 'chunked'])],
    ['transfer-encoding', head('POST', '/', [...host, 'Transfer-Encoding', 'identity'])],
    ['content-length', head('POST', '/', [...host, 'Content-Length', '1', 'Content-Length', '1'])],
    ['content-length', head('POST', '/', [...host, 'Content-Length', '+1'])],
    ['content-length', head('POST', '/', [...host, 'Content-Length', '1, 1'])],
    ['content-length', head('POST', '/', [...host, 'Content-Length', '9'.repeat(16)])],
    ['length-conflict', head('POST', '/', [...host, 'Content-Length', '1', 'Transfer-Encoding', 'chunked'])],
    ['header-lookalike', head('POST', '/', [...host, 'Transfer_Encoding', 'chunked'])],
    ['header-lookalike', head('POST', '/', [...host, 'content_length', '1'])],
    ['header-repeated', head('GET', '/', [...host, 'Postern-Grant', 'a', 'postern-grant', 'b'])],
    ['header-repeated', head('GET', '/', [...host, 'Origin', 'http://a', 'Origin', 'http://b'])],
    ['too-many-headers', head('GET', '/', [...host, ...Array.from({ length: 512 }, () => 'a')])],
    ['body-with-upgrade', head('GET', '/', [...host, 'Upgrade', 'websocket', 'Content-Length', '5'])],
    ['body-with-upgrade', head('POST', '/', [...host, 'Upgrade', 'h2c', 'Transfer-Encoding', 'chunked'])],
    ['body-with-connect', head('CONNECT', 'app.test:1', ['Host', 'app.test:1', 'Content-Length', '5'])],
    ['expect', head('POST', '/', [...host, 'Expect', 'payment'])],
  ];
  for (const [reason, one] of table) t.equal(checkRequestHead(one), reason, JSON.stringify(one).slice(0, 120));
  t.same(
    headReasons.filter((reason) => reason !== 'after-refusal' && !table.some(([named]) => named === reason)),
    [],
    'every reason is in the table',
  );
});

t.test('P9 smuggling on the wire: either Node or the head check refuses', async (t) => {
  let forwarded = 0;
  const guard = createHeadGuard();
  const server = createServer({ requireHostHeader: false }, (req, res) => {
    const reason = guard(req, res);
    if (reason === undefined) forwarded += 1;
    res.writeHead(reason === undefined ? 200 : 400, { connection: 'close' }).end(reason);
  });
  const port = await listen(t, server);
  const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: app.test\r\n\r\n';
  const attacks = {
    'CL.TE': 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'CL.CL': 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 43\r\n\r\n',
    'TE.TE': 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n',
    'TE with a space': 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n',
    'TE xchunked': 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n',
    'gzip, chunked': 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
    'TE on 1.0': 'POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'bare LF': 'GET / HTTP/1.1\nHost: a\n\n',
    'obs-fold': 'GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n Transfer-Encoding: chunked\r\n\r\n',
    'NUL in a value': 'GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n',
    'two Hosts': 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n',
    'another authority': 'GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n',
    'no Host': 'GET / HTTP/1.1\r\n\r\n',
    'HTTP/0.9': 'GET /\r\n\r\n',
    'Upgrade with a body':
      'GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\nContent-Length: 43\r\n\r\n',
    'an underscore': 'POST / HTTP/1.1\r\nHost: a\r\nTransfer_Encoding: chunked\r\nContent-Length: 0\r\n\r\n',
    'negative length': 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n',
    asterisk: 'GET * HTTP/1.1\r\nHost: a\r\n\r\n',
    fragment: 'GET /#x HTTP/1.1\r\nHost: a\r\n\r\n',
  };
  for (const [name, attack] of Object.entries(attacks)) {
    const text = await new Client(t, port).send(attack + smuggled).end();
    t.match(text, /^HTTP\/1\.1 4\d\d /, name);
    t.equal(forwarded, 0, `${name}: nothing passes, nor what hides behind it`);
  }
  await new Client(t, port).send('GET / HTTP/1.1\r\nHost: a\r\n\r\n').end();
  t.equal(forwarded, 1, 'a plain request passes');
  server.close();
  await once(server, 'close');
});

t.test('the head check never throws and never accepts a second Host', async (t) => {
  const text = fc.string({ unit: 'binary', maxLength: 20 });
  const name = fc.oneof(text, fc.constantFrom('Host', 'hOst', 'Content-Length', 'Upgrade'));
  const header = fc.tuple(name, fc.oneof(text, fc.constantFrom('app.test', '5', 'x')));
  const method = fc.oneof(fc.constantFrom('GET', 'POST', 'CONNECT'), text);
  const url = fc.oneof(fc.constantFrom('/', 'http://app.test/'), fc.webPath(), text);
  const headers = fc.oneof(fc.array(header), fc.constant<[string, string][]>([['Host', 'app.test']]));
  let accepted = 0;
  fc.assert(
    fc.property(method, url, headers, (method, url, headers) => {
      const hosts = headers.filter(([name]) => name.toLowerCase() === 'host').length;
      const reason = checkRequestHead(head(method, url, headers.flat()));
      if (reason === undefined) accepted += 1;
      return reason === undefined ? hosts === 1 : headReasons.includes(reason);
    }),
    { numRuns: 500 },
  );
  t.ok(accepted > 0, 'some are accepted, so that this says something');
});

t.test('P21 what is a WebSocket upgrade and what is not', async (t) => {
  const base: Record<string, string> = {
    Host: 'a',
    Connection: 'keep-alive, Upgrade',
    Upgrade: 'WebSocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
  };
  const asks = (more: Record<string, string | undefined>, method = 'GET', version = '1.1', extra: string[] = []) => {
    const raw = Object.entries({ ...base, ...more }).flatMap(([name, value]) =>
      value === undefined ? [] : [name, value],
    );
    return isWebSocketUpgrade(head(method, '/', [...raw, ...extra], version));
  };
  t.ok(asks({}));
  t.ok(asks({}, 'GET', '1.1', ['Sec-WebSocket-Protocol', 'a', 'Sec-WebSocket-Protocol', 'b']));
  t.notOk(asks({}, 'POST'));
  t.notOk(asks({}, 'GET', '1.0'));
  t.notOk(asks({ Connection: 'keep-alive' }));
  t.notOk(asks({ Upgrade: 'h2c' }));
  t.notOk(asks({ Upgrade: 'websocket, h2c' }));
  t.notOk(asks({ 'Sec-WebSocket-Version': '8' }));
  t.notOk(asks({ 'Sec-WebSocket-Key': 'c2hvcnQ=' }));
  t.notOk(asks({ 'Sec-WebSocket-Key': undefined }));
  t.notOk(asks({}, 'GET', '1.1', ['Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ==']));
  t.notOk(asks({}, 'GET', '1.1', ['upgrade', 'websocket']));
});
