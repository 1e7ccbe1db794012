/** Names of tiles, at the boundaries and back, and nothing else taken for one. */
import fc from 'fast-check';
import t from 'tap';
import { entriesPath, parseTilePath, tilePath } from '#shared/log/tile-path.ts';
import { tileAt } from '#shared/log/tiles.ts';

t.test('the last tile of each level, at the boundaries', async (t) => {
  const last = (size: number) => {
    const names: string[] = [];
    for (let level = 0; ; level += 1) {
      const hashes = Math.floor(size / 256 ** level);
      if (hashes === 0) return names;
      const tile = tileAt(level, Math.ceil(hashes / 256) - 1, size);
      names.push(tilePath(tile!));
    }
  };
  t.same(last(0), []);
  t.same(last(1), ['tile/0/000.p/1']);
  t.same(last(255), ['tile/0/000.p/255']);
  t.same(last(256), ['tile/0/000', 'tile/1/000.p/1']);
  t.same(last(257), ['tile/0/001.p/1', 'tile/1/000.p/1']);
  t.same(last(65_535), ['tile/0/255.p/255', 'tile/1/000.p/255']);
  t.same(last(65_536), ['tile/0/255', 'tile/1/000', 'tile/2/000.p/1']);
  t.same(last(65_537), ['tile/0/256.p/1', 'tile/1/000', 'tile/2/000.p/1']);
  t.same(last(70_000), ['tile/0/273.p/112', 'tile/1/001.p/17', 'tile/2/000.p/1']);
  t.equal(tileAt(0, 274, 70_000), undefined);
});

t.test('numbers in groups of three digits', async (t) => {
  t.equal(tilePath({ level: 0, index: 1_234_067, width: 256 }), 'tile/0/x001/x234/067');
  t.equal(tilePath({ level: 1, index: 999, width: 3 }), 'tile/1/999.p/3');
  t.equal(tilePath({ level: 1, index: 1000, width: 3 }), 'tile/1/x001/000.p/3');
  t.equal(entriesPath({ index: 1000, width: 256 }), 'tile/entries/x001/000');
  t.same(parseTilePath('tile/entries/x001/000.p/9'), { level: 'entries', index: 1000, width: 9 });
});

t.test('every name is read back', async () => {
  fc.assert(
    fc.property(fc.nat(6), fc.nat(2 ** 45), fc.integer({ min: 1, max: 256 }), (level, index, width) => {
      const tile = { level, index, width };
      const read = parseTilePath(tilePath(tile));
      if (JSON.stringify(read) !== JSON.stringify(tile))
        throw new Error(`${tilePath(tile)} is ${JSON.stringify(read)}`);
    }),
  );
});

t.test('no other spelling', async (t) => {
  for (const bad of [
    '',
    'tile/0/0',
    'tile/0/0000',
    'tile/00/000',
    'tile/0/x000/001',
    'tile/0/001/002',
    'tile/0/000.p/0',
    'tile/0/000.p/256',
    'tile/0/000.p/01',
    'tile/0/000.p/',
    'tile/7/000',
    'tile/-1/000',
    'tile/data/000',
    'tile/0/../checkpoint',
    'tile/0/x999/x999/x999/x999/x999/999',
    'tile/0/000\n',
    '/tile/0/000',
    'TILE/0/000',
  ])
    t.equal(parseTilePath(bad), undefined, JSON.stringify(bad));
});
