/** The tree of RFC 6962 against a naive one: roots, tiles and proofs for all sizes from 0 to 300. */
import fc from 'fast-check';
import t from 'tap';
import { isConsistent, isIncluded } from '#shared/log/check-tree.ts';
import { tilePath } from '#shared/log/tile-path.ts';
import { nodesFromTiles, tilesBetween } from '#shared/log/tiles.ts';
import { leafHash, nodeHash, RightEdge, rootOf } from '#shared/log/tree-hash.ts';
import { proveConsistency, proveInclusion, rootFromNodes } from '#shared/log/tree-proofs.ts';
import roots from '../vectors/rfc6962.json' with { type: 'json' };
import { NaiveTree, naiveRoot } from './naive-tree.ts';

const most = 300;
const entries = Array.from({ length: most }, (_, at) => Buffer.from(`entry ${at}`));
const naive = new NaiveTree(entries);
const leaves = entries.map((entry) => leafHash(entry));

/** All tiles of a tree of each size, as a log that grows one by one writes them. */
function growTiles(): { edges: RightEdge[]; read: (size: number) => ReturnType<typeof nodesFromTiles> } {
  const rows: Buffer[][] = [];
  const edge = new RightEdge();
  const edges = [RightEdge.fromText(0, '')];
  for (const leaf of leaves) {
    edge.append(leaf, (level, _index, hash) => {
      if (level % 8 === 0) {
        rows[level / 8] ??= [];
        rows[level / 8]!.push(hash);
      }
    });
    edges.push(RightEdge.fromText(edge.size, edge.toText()));
  }
  const read = (size: number) =>
    nodesFromTiles(
      async ({ level, index, width }) => Buffer.concat(rows[level]!.slice(index * 256, index * 256 + width)),
      size,
    );
  return { edges, read };
}

t.test('roots of the vectors', async (t) => {
  const edge = new RightEdge();
  t.equal(edge.root().toString('hex'), roots.roots[0]);
  for (const [at, entry] of roots.entries.entries()) {
    edge.append(leafHash(Buffer.from(entry, 'hex')));
    t.equal(edge.root().toString('hex'), roots.roots[at + 1], `size ${at + 1}`);
  }
});

t.test('roots, inclusion and consistency for all sizes from 0 to 300', async (t) => {
  const { edges, read } = growTiles();
  let proofs = 0;
  const wrong: string[] = [];
  for (let size = 0; size <= most; size += 1) {
    const root = naiveRoot(entries.slice(0, size));
    const node = read(size);
    if (!edges[size]!.root().equals(root) || !rootOf(leaves.slice(0, size)).equals(root)) wrong.push(`root ${size}`);
    if (!(await rootFromNodes(size, node)).equals(root)) wrong.push(`root of tiles ${size}`);
    for (let index = 0; index < size; index += 1) {
      const path = await proveInclusion(index, size, node);
      if (!same(path, naive.path(index, 0, size))) wrong.push(`path ${index} of ${size}`);
      if (!isIncluded(leaves[index]!, index, path, { size, root })) wrong.push(`refused ${index} of ${size}`);
      if (isIncluded(leaves[index]!, index ^ 1, path, { size, root })) wrong.push(`taken at ${index ^ 1} of ${size}`);
      proofs += 1;
    }
    for (let former = 0; former <= size; former += 1) {
      const path = await proveConsistency(former, size, node);
      const old = { size: former, root: edges[former]!.root() };
      if (!same(path, naive.proof(former, size))) wrong.push(`proof ${former} to ${size}`);
      if (!isConsistent(old, { size, root }, path)) wrong.push(`refused ${former} to ${size}`);
      if (isConsistent({ ...old, root: leaves[0]! }, { size, root }, path) && former !== 1)
        wrong.push(`taken ${former} to ${size}`);
      proofs += 1;
    }
  }
  t.same(wrong, []);
  t.equal(proofs, (most * (most + 1)) / 2 + ((most + 1) * (most + 2)) / 2);
});

t.test('a proof with anything changed is refused', async () => {
  const { edges, read } = growTiles();
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 2, max: most }),
      fc.nat(),
      fc.nat(),
      fc.constantFrom('flip', 'drop', 'add', 'swap', 'index'),
      async (size, first, where, how) => {
        const head = { size, root: edges[size]!.root() };
        const index = first % size;
        const former = { size: 1 + (first % (size - 1)), root: edges[1 + (first % (size - 1))]!.root() };
        const path = await proveInclusion(index, size, read(size));
        const steps = await proveConsistency(former.size, size, read(size));
        const otherPath = spoil(path, where, how);
        const otherSteps = spoil(steps, where, how);
        const at = how === 'index' ? (index + 1) % size : index;
        if ((how === 'index' || !same(path, otherPath)) && isIncluded(leaves[index]!, at, otherPath, head))
          throw new Error('a spoilt path was taken');
        if (!same(steps, otherSteps) && isConsistent(former, head, otherSteps))
          throw new Error('a spoilt proof was taken');
      },
    ),
    { numRuns: 2000 },
  );
});

t.test('numbers and hashes that cannot be are refused, and throw nothing', async (t) => {
  const root = leaves[0]!;
  for (const size of [-1, 0, 0.5, Number.NaN, 2 ** 60]) {
    t.notOk(isIncluded(root, 0, [], { size, root }), `${size}`);
    t.notOk(isIncluded(root, size, [], { size: 1, root: leaves[1]! }));
    t.notOk(isConsistent({ size: 1, root }, { size, root: leaves[1]! }, []));
  }
  t.ok(isIncluded(root, 0, [], { size: 1, root }));
  t.notOk(isConsistent({ size: 0, root }, { size: 1, root }, []), 'a root that is not that of nothing');
  t.notOk(isIncluded(root, 0, [Buffer.alloc(31)], { size: 2, root: nodeHash(root, Buffer.alloc(31, 1)) }));
  t.throws(() => RightEdge.fromText(3, root.toString('hex')), TypeError);
  t.throws(() => RightEdge.fromText(1, `${root.toString('hex')}00`), TypeError);
  t.throws(() => RightEdge.fromText(1, 'zz'.repeat(32)), TypeError);
  await t.rejects(
    proveInclusion(3, 3, async () => root),
    RangeError,
  );
  await t.rejects(
    proveConsistency(4, 3, async () => root),
    RangeError,
  );
});

t.test('the tiles that a growth writes', async (t) => {
  const names = (from: number, size: number) => [...tilesBetween(from, size)].map(tilePath);
  t.same(names(0, 0), []);
  t.same(names(0, 255), ['tile/0/000.p/255']);
  t.same(names(0, 256), ['tile/0/000', 'tile/1/000.p/1']);
  t.same(names(255, 257), ['tile/0/000', 'tile/0/001.p/1', 'tile/1/000.p/1']);
  t.same(names(256, 257), ['tile/0/001.p/1']);
  t.same(names(65_535, 65_536), ['tile/0/255', 'tile/1/000', 'tile/2/000.p/1']);
  t.same(names(65_536, 65_537), ['tile/0/256.p/1']);
  const all = names(0, 70_000);
  t.equal(all.filter((name) => name.startsWith('tile/0/') && !name.includes('.p')).length, 273);
  t.same(
    all.filter((name) => name.includes('.p') || name.startsWith('tile/1/')),
    ['tile/0/273.p/112', 'tile/1/000', 'tile/1/001.p/17', 'tile/2/000.p/1'],
  );
});

const same = (a: readonly Buffer[], b: readonly Buffer[]) =>
  a.length === b.length && a.every((hash, at) => hash.equals(b[at]!));

function spoil(path: readonly Buffer[], where: number, how: string): Buffer[] {
  const copy = path.map((hash) => Buffer.from(hash));
  if (copy.length === 0) return how === 'add' ? [Buffer.alloc(32)] : copy;
  const at = where % copy.length;
  if (how === 'flip') copy[at]![where % 32]! ^= 1 << (where % 8);
  if (how === 'drop') copy.splice(at, 1);
  if (how === 'add') copy.splice(at, 0, Buffer.alloc(32, where % 256));
  if (how === 'swap') [copy[at], copy[0]] = [copy[0]!, copy[at]!];
  return copy;
}

t.test('proofs of a whole log, leaf by leaf, read each tile about once', async (t) => {
  const size = 10_001;
  const rows: Buffer[][] = [[], []];
  const edge = new RightEdge();
  for (let at = 0; at < size; at += 1)
    edge.append(leafHash(Buffer.from(`entry ${at}`)), (level, _index, hash) => {
      if (level % 8 === 0) rows[level / 8]!.push(hash);
    });
  let reads = 0;
  const node = nodesFromTiles(async ({ level, index, width }) => {
    reads += 1;
    return Buffer.concat(rows[level]!.slice(index * 256, index * 256 + width));
  }, size);
  const head = { size, root: edge.root() };
  for (let index = 0; index < size; index += 1) {
    const path = await proveInclusion(index, size, node);
    if (index % 97 === 0) t.ok(isIncluded(rows[0]![index]!, index, path, head), `leaf ${index}`);
  }
  t.ok(reads <= 50, `${reads} reads for the 41 tiles that there are, and those at the right edge a few times`);
});
