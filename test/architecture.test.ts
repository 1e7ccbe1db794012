/** The import law and the other rules of structure (ARCHITECTURE.md, "The import law"). */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { readSources, root, type SourceFile } from './support/source-tree.ts';

const sources = readSources();
const product = sources.filter((file) => !file.path.startsWith('test/') && !file.path.startsWith('deploy/'));
const layerOf = (path: string) =>
  path
    .split('/')
    .slice(0, path.startsWith('shared/') ? 2 : 1)
    .join('/');

/** What each layer may import of ours besides itself. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  'shared/base': [],
  'shared/contracts': ['shared/base'],
  'shared/cedar': ['shared/base', 'shared/contracts'],
  'shared/crypto': ['shared/base', 'shared/contracts'],
  'shared/log': ['shared/base', 'shared/contracts', 'shared/crypto'],
  'shared/wire': ['shared/base', 'shared/contracts', 'shared/crypto'],
  controller: ['shared/base', 'shared/contracts', 'shared/cedar', 'shared/crypto', 'shared/log', 'shared/wire'],
  gateway: ['shared/base', 'shared/contracts', 'shared/cedar', 'shared/crypto', 'shared/log', 'shared/wire'],
  'client-agent': ['shared/base', 'shared/contracts', 'shared/crypto', 'shared/wire'],
};

/** Folders that hold pure rules: no socket, file, store or clock. */
const pureFolders = ['gateway/gates/', 'controller/policy/', 'shared/cedar/', 'shared/contracts/'];
const impure =
  /^(node:(net|tls|http|https|http2|dgram|dns|fs|fs\/promises|child_process|cluster|worker_threads|sqlite|timers|timers\/promises)|undici|fastify|kysely|pino|ws|pg|ioredis)$/;
const impureText = /\bDate\.now\(|\bnew Date\(\)|\bsetTimeout\(|\bsetInterval\(|\bperformance\.now\(/;

const each = (files: readonly SourceFile[], complaint: (file: SourceFile) => readonly string[]) =>
  files.flatMap((file) => complaint(file).map((text) => `${file.path}: ${text}`));

t.test('every layer imports only what stands below it', async (t) => {
  const wrong = each(product, (file) => {
    const layer = layerOf(file.path);
    const allowed = mayImport[layer];
    if (allowed === undefined) return [`no layer is called ${layer}`];
    return file.imports
      .filter(({ target }) => target !== undefined && layerOf(target) !== layer && !allowed.includes(layerOf(target)))
      .map(({ target }) => `may not import ${target}`);
  });
  t.same(wrong, []);
});

t.test('every import of our own names a file that is there', async (t) => {
  const wrong = each(sources, (file) =>
    file.imports
      .filter(({ target }) => target !== undefined && !existsSync(join(root, target)))
      .map(({ target }) => `${target} is not there`),
  );
  t.same(wrong, []);
});

t.test('no import cycles', async (t) => {
  const graph = new Map(
    sources.map((file) => [
      file.path,
      file.imports.filter((i) => !i.typeOnly && !i.dynamic).flatMap((i) => i.target ?? []),
    ]),
  );
  t.same(findCycles(graph), []);
});

t.test('pure folders know no socket, file, store or clock', async (t) => {
  const pure = product.filter((file) => pureFolders.some((folder) => file.path.startsWith(folder)));
  const wrong = each(pure, (file) => [
    ...file.imports
      .filter(({ specifier, typeOnly }) => !typeOnly && impure.test(specifier))
      .map(({ specifier }) => `imports ${specifier}`),
    ...(impureText.test(withoutComments(file.text)) ? ['reads a clock or starts a timer'] : []),
  ]);
  t.same(wrong, []);
});

t.test('nor does anything that they import', async (t) => {
  const byPath = new Map(sources.map((file) => [file.path, file]));
  const reached = new Map<string, string>();
  const visit = (file: SourceFile, from: string) => {
    if (reached.has(file.path)) return;
    reached.set(file.path, from);
    for (const { target, typeOnly } of file.imports) {
      const next = target === undefined || typeOnly ? undefined : byPath.get(target);
      if (next !== undefined) visit(next, file.path);
    }
  };
  for (const file of product) if (pureFolders.some((folder) => file.path.startsWith(folder))) visit(file, 'itself');
  const wrong = [...reached].flatMap(([path, from]) =>
    byPath
      .get(path)!
      .imports.filter(({ specifier, typeOnly }) => !typeOnly && impure.test(specifier))
      .map(({ specifier }) => `${path} (imported by ${from}) imports ${specifier}`),
  );
  t.same(wrong, []);
});

t.test('only shared/crypto imports the JOSE library', async (t) => {
  const wrong = each(product, (file) =>
    file.path.startsWith('shared/crypto/')
      ? []
      : file.imports.filter((i) => i.specifier === 'jose' || i.specifier.startsWith('jose/')).map(() => 'imports jose'),
  );
  t.same(wrong, []);
});

t.test('no barrels: a file does not re-export others, and an index.ts is a table', async (t) => {
  const wrong = each(product, (file) => [
    ...(/^export \* from/m.test(file.text) ? ['re-exports a whole file'] : []),
    ...(/^export \{[^}]*\} from/m.test(file.text) ? ['re-exports names of another file'] : []),
    ...(file.path.endsWith('/index.ts') && !/export const \w+(: [^=]+)? = (\[|\{|Object\.freeze)/.test(file.text)
      ? ['is an index.ts without a table']
      : []),
  ]);
  t.same(wrong, []);
});

t.test('files are small rooms with plain names', async (t) => {
  const wrong = each(sources, (file) => [
    ...(file.lines > 300 ? [`has ${file.lines} lines; 300 is the most`] : []),
    ...(/(^|\/)[a-z0-9]+(-[a-z0-9]+)*(\.test|\.config)?\.tsx?$/.test(file.path) ? [] : ['is not named in kebab-case']),
  ]);
  t.same(wrong, []);
});

t.test('the documents name files and rules that are there', async (t) => {
  const read = (name: string) => readFileSync(join(root, name), 'utf8');
  const named = read('ARCHITECTURE.md').match(/[\w./-]+\.ts\b/g) ?? [];
  const isThere = (name: string) => sources.some(({ path }) => path === name || path.endsWith(`/${name}`));
  t.same(
    named.filter((name) => !isThere(name)),
    [],
    'files',
  );
  const rules = new Set(read('docs/rules.md').match(/(?<=\*\*)P\d+(?=\*\*)/g));
  const used = new Set(sources.flatMap(({ text }) => text.match(/\bP\d{1,2}\b(?=[,:;). ]|$)/gm) ?? []));
  t.same([...used].filter((rule) => !rules.has(rule)).sort(), [], 'rules');
  t.equal(rules.size, 35);
});

t.test('the map of ARCHITECTURE.md has every folder', async (t) => {
  const text = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8');
  const map = /## Where things are\n([\s\S]*?)\n## /.exec(text)?.[1] ?? '';
  const folders = new Set(product.flatMap(({ path }) => /^[\w-]+\/([\w-]+)\//.exec(path)?.[1] ?? []));
  t.ok(folders.size > 30, `${folders.size} folders`);
  t.same(
    [...folders].filter((folder) => !new RegExp(`\\b${folder}/`).test(map)),
    [],
  );
});

t.test('private keys are read only by authority and keystores', async (t) => {
  const readers = ['controller/authority/', 'gateway/keystore/', 'client-agent/keystore/', 'shared/crypto/'];
  const wrong = each(product, (file) =>
    readers.some((folder) => file.path.startsWith(folder)) ||
    !/\bcreatePrivateKey\(|\bprivateKeyFromPem\(/.test(file.text)
      ? []
      : ['reads a private key'],
  );
  t.same(wrong, []);
});

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/\/\/.*$/gm, '');
}

/** Depth-first search; returns each cycle once as a path. */
function findCycles(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const state = new Map<string, 'open' | 'done'>();
  const cycles: string[] = [];
  const visit = (node: string, path: readonly string[]) => {
    state.set(node, 'open');
    for (const next of graph.get(node) ?? []) {
      if (state.get(next) === 'open') cycles.push([...path.slice(path.indexOf(next)), next].join(' > '));
      else if (!state.has(next) && graph.has(next)) visit(next, [...path, next]);
    }
    state.set(node, 'done');
  };
  for (const node of graph.keys()) if (!state.has(node)) visit(node, [node]);
  return cycles;
}
