/** The log over HTTP, read by a client that trusts nothing but the key: C2SP tlog-tiles at the services listener (P28). */
import t from 'tap';
import { request } from 'undici';
import { isIncluded } from '#shared/log/check-tree.ts';
import { openCheckpoint } from '#shared/log/checkpoint.ts';
import { parseEntries } from '#shared/log/entry-bundle.ts';
import { parseNoteKey } from '#shared/log/note-key.ts';
import { tilePath, tileWidth } from '#shared/log/tile-path.ts';
import { nodesFromTiles, tilesBetween } from '#shared/log/tiles.ts';
import { leafHash } from '#shared/log/tree-hash.ts';
import { proveInclusion, rootFromNodes } from '#shared/log/tree-proofs.ts';
import { appendRecord } from '../../../controller/log/append-record.ts';
import { type RunServices, runServices } from '../support/run-services.ts';

const getFrom =
  ({ url, dispatcher }: RunServices) =>
  async (path: string, headers: Record<string, string> = {}) => {
    const answer = await request(`${url}/log/1/${path}`, { dispatcher, headers });
    return {
      status: answer.statusCode,
      headers: answer.headers,
      bytes: Buffer.from(await answer.body.arrayBuffer()),
    };
  };

t.test('checkpoint, tiles and leaves', async (t) => {
  const services = await runServices(t, { config: { 'services.log': 'entries' } });
  const { admin, controller } = services;
  const get = getFrom(services);
  await controller.store.db.transaction().execute(async (trx) => {
    for (let at = 0; at < 600; at += 1) {
      await appendRecord(trx, 1000 + at, { kind: 'access', person: 'erin', details: { at } });
    }
  });
  const { records } = await admin.records({ query: { limit: 1 } });
  await admin.proveRecord({ params: { id: records[0]!.id } });

  const note = await get('checkpoint');
  t.match(note.headers, { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'public, max-age=1' });
  const head = openCheckpoint(note.bytes, { log: [parseNoteKey((await admin.logHead()).keys[0]!.key)] });
  t.ok(head.size > 600);
  for (const tile of tilesBetween(0, head.size)) {
    const { status, headers, bytes } = await get(tilePath(tile));
    t.equal(status, 200, tilePath(tile));
    t.equal(bytes.length, tile.width * 32);
    t.equal(headers['content-type'], 'application/octet-stream');
    t.match(headers['cache-control'], tile.width === tileWidth ? /immutable/ : /max-age=3600/);
  }
  const node = nodesFromTiles(async (tile) => (await get(tilePath(tile))).bytes, head.size);
  t.ok((await rootFromNodes(head.size, node)).equals(head.root));
  const bundle = await get('tile/entries/001');
  const entries = parseEntries(bundle.bytes, 256);
  t.ok(isIncluded(leafHash(entries[3]!), 259, await proveInclusion(259, head.size, node), head));
  t.notMatch(bundle.bytes.toString(), /erin/, 'nothing personal');
  t.equal((await get('tile/entries/001', { 'accept-encoding': 'gzip' })).headers['content-encoding'], 'gzip');
  for (const path of [
    'tile/0/003',
    'tile/0/999',
    'tile/1/000.p/3',
    'tile/1/000.p/1x',
    'tile/entries/009',
    'tile/0/000/',
    '%2e%2e/controller.db',
    'tile/0/..%2f..%2fcheckpoint',
    'checkpoint.new',
    '',
  ])
    t.equal((await get(path)).status, 404, path);
  const other = await request(`${services.url}/log/2/checkpoint`, { dispatcher: services.dispatcher });
  await other.body.dump();
  t.equal(other.statusCode, 404);
});

t.test('off unless switched on, and leaves by themselves', async (t) => {
  const off = await runServices(t);
  t.equal((await getFrom(off)('checkpoint')).status, 404);
  const tree = await runServices(t, { config: { 'services.log': 'tree' } });
  await tree.admin.proveRecord({ params: { id: (await tree.admin.records({ query: {} })).records[0]!.id } });
  const get = getFrom(tree);
  const { bytes } = await get('checkpoint');
  const size = bytes.toString().split('\n')[1];
  t.equal((await get(`tile/0/000.p/${size}`)).status, 200);
  t.equal((await get(`tile/entries/000.p/${size}`)).status, 404);
});
