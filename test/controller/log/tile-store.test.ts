import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { writeWhole } from '../../../controller/log/tile-store.ts';

t.test('a file is written whole or not at all: what failed leaves nothing behind', async (t) => {
  const dir = t.testdir();
  await writeWhole(join(dir, 'tile', '000'), 'hashes');
  t.equal(readFileSync(join(dir, 'tile', '000'), 'utf8'), 'hashes');
  mkdirSync(join(dir, 'tile', '001', 'in-the-way'), { recursive: true });
  await t.rejects(writeWhole(join(dir, 'tile', '001'), 'hashes'));
  t.same(readdirSync(join(dir, 'tile')).sort(), ['000', '001']);
});
