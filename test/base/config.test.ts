import { join } from 'node:path';
import t from 'tap';
import { Type } from 'typebox';
import { loadConfig } from '#shared/base/config.ts';
import { describeConfig } from '#shared/base/config-docs.ts';
import type { PosternError } from '#shared/base/errors.ts';

const strict = { additionalProperties: false };
const schema = Type.Object(
  {
    name: Type.String({ description: 'Who this is.' }),
    level: Type.Enum(['info', 'debug'], { default: 'info', description: 'How much is logged.' }),
    listen: Type.Object(
      {
        host: Type.String({ default: '127.0.0.1', description: 'Where it listens.' }),
        port: Type.Integer({ minimum: 1, maximum: 65_535, default: 8443, title: 'Port', description: 'A | number.' }),
        allowLan: Type.Boolean({ default: false, description: 'Whether others may connect.' }),
      },
      strict,
    ),
    peers: Type.Array(Type.String(), { default: [], description: 'Peers.' }),
    store: Type.Optional(
      Type.Object(
        {
          url: Type.String({ description: 'Where the store is.' }),
          pool: Type.Integer({ default: 4, description: 'Connections.' }),
        },
        strict,
      ),
    ),
  },
  strict,
);

function complaints(sources: Parameters<typeof loadConfig>[1]): string[] {
  try {
    loadConfig(schema, sources);
  } catch (error) {
    const { code, extra, message } = error as PosternError;
    t.equal(code, 'invalid-config');
    const list = extra?.['complaints'] as string[];
    for (const complaint of list) t.ok(message.includes(complaint));
    return list;
  }
  return [];
}

t.test('defaults under file under variables under the command line', async (t) => {
  const dir = t.testdir({ 'c.yaml': 'name: from-file\nlisten:\n  port: 1000\n  host: "::1"\npeers: [a]\n' });
  const file = join(dir, 'c.yaml');
  const config = loadConfig(schema, {
    file,
    env: {
      POSTERN_LISTEN_PORT: '2000',
      POSTERN_LISTEN_ALLOW_LAN: 'true',
      POSTERN_PEERS: 'x, y',
      PATH: '/',
      POSTERN_NAME: '',
    },
    overrides: { 'listen.port': '3000', level: undefined },
  });
  t.same(config, {
    name: 'from-file',
    level: 'info',
    listen: { host: '::1', port: 3000, allowLan: true },
    peers: ['x', 'y'],
  });
  t.ok(Object.isFrozen(config.listen) && Object.isFrozen(config.peers));
  t.same(
    loadConfig(schema, { env: { POSTERN_NAME: '007' } }).name,
    '007',
    'a text that looks like a number stays text',
  );
  t.same(loadConfig(schema, { env: { POSTERN_NAME: 'n', POSTERN_STORE_URL: 'u' } }).store, { url: 'u', pool: 4 });
  t.same(loadConfig(schema, { env: { POSTERN_NAME: 'n' }, overrides: { peers: ['z'] } }).peers, ['z']);
});

t.test('all complaints at once, with the nearest known name and without values', async (t) => {
  const dir = t.testdir({
    'c.yaml': 'lisen:\n  port: 1\nlisten:\n  prot: hunter2\n  port: "hunter2"\nlevel: hunter2\n',
    'empty.yaml': 'listen:\n',
    'syntax.yaml': 'name: "hunter2\nlisten: {',
    'list.yaml': '- a\n',
    'twice.yaml': 'name: a\nname: b\n',
  });
  const list = complaints({
    file: join(dir, 'c.yaml'),
    env: { POSTERN_LISTEN_HOTS: 'hunter2', POSTERN_LISTEN_ALLOW_LAN: 'hunter2', POSTERN_TEST_REQUIRE: 'all' },
    overrides: { nonsense: 1 },
  });
  t.match(list.toSorted(), [
    /^POSTERN_LISTEN_HOTS: no such variable; did you mean POSTERN_LISTEN_HOST\?$/,
    /^level: .*: info, debug$/,
    /^lisen: no such option/,
    /^listen\.allowLan: must be boolean \(POSTERN_LISTEN_ALLOW_LAN\)$/,
    /^listen\.port: must be integer$/,
    /^listen\.prot: no such option; did you mean listen\.port\?$/,
    /^name: is missing \(or set POSTERN_NAME\)$/,
    /^nonsense: no such option$/,
  ]);
  t.equal(list.length, 8);
  t.notMatch(list.join(), /hunter2/);
  t.match(complaints({ file: join(dir, 'none.yaml') }), [/cannot be read: ENOENT/, /name: is missing/]);
  t.match(complaints({ file: join(dir, 'syntax.yaml') })[0], /line \d+/);
  t.notMatch(complaints({ file: join(dir, 'syntax.yaml') }).join(), /hunter2/);
  t.match(complaints({ file: join(dir, 'list.yaml') })[0], /not a list of options/);
  t.match(complaints({ file: join(dir, 'twice.yaml') })[0], /line 2/);
  t.same(complaints({ file: join(dir, 'empty.yaml'), env: { POSTERN_NAME: 'n' } }), []);
  t.match(complaints({ env: { POSTERN_NAME: 'n', POSTERN_LISTEN_PORT: '70000' } }), [
    /listen\.port: must be <= 65535 \(POSTERN_LISTEN_PORT\)/,
  ]);
});

t.test('docs are the schema', async (t) => {
  const table = describeConfig(schema);
  t.match(table, '| `listen.port` | `POSTERN_LISTEN_PORT` | integer from 1 to 65535 | `8443` | Port: A \\| number. |');
  t.match(table, '| `name` | `POSTERN_NAME` | string | must be set | Who this is. |');
  t.throws(() => describeConfig(Type.Object({ bare: Type.String() })), { message: /bare has no description/ });
});
