/** The sources as a list of files with their imports, for the tests of structure. TypeScript 7 has no stable compiler API, so imports are scanned. */
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

export interface SourceFile {
  /** From the root of the repository, with `/`. */
  readonly path: string;
  readonly text: string;
  readonly lines: number;
  readonly imports: readonly Import[];
}

export interface Import {
  readonly specifier: string;
  /** Repository path, for files of our own. */
  readonly target: string | undefined;
  readonly typeOnly: boolean;
  readonly dynamic: boolean;
}

export const root = join(import.meta.dirname, '../..');
const folders = ['shared', 'controller', 'gateway', 'client-agent', 'deploy', 'test'];

export function readSources(): SourceFile[] {
  return folders.flatMap((folder) =>
    globSync(`${folder}/**/*.{ts,tsx}`, {
      cwd: root,
      exclude: ['**/node_modules/**', '**/.tap/**', 'test/**/tap-testdir-*/**', '.tap/**'],
    })
      .filter((path) => !path.includes('tap-testdir'))
      .sort()
      .map(readSource),
  );
}

function readSource(path: string): SourceFile {
  const text = readFileSync(join(root, path), 'utf8');
  return { path, text, lines: text.split('\n').length - 1, imports: scanImports(path, text) };
}

// `import ... from 'x'`, `export ... from 'x'`, `import 'x'`, at the start of a line as our formatter writes them.
const staticImport = /^(import|export)\s+(type\s+)?(?:([^'";]*?)\sfrom\s+)?'([^']+)';/gm;
const dynamicImport = /\bimport\(\s*'([^']+)'\s*\)/g;

function scanImports(path: string, text: string): Import[] {
  const found: Import[] = [];
  for (const [, keyword, type, names, specifier] of text.matchAll(staticImport)) {
    if (specifier === undefined || (keyword === 'export' && names === undefined)) continue;
    found.push({
      specifier,
      target: resolve(path, specifier),
      typeOnly: type !== undefined || onlyTypes(names),
      dynamic: false,
    });
  }
  for (const [, specifier] of text.matchAll(dynamicImport)) {
    if (specifier !== undefined)
      found.push({ specifier, target: resolve(path, specifier), typeOnly: false, dynamic: true });
  }
  return found;
}

function onlyTypes(names: string | undefined): boolean {
  const list = names?.match(/^\{([^}]*)\}$/)?.[1];
  if (list === undefined) return false;
  const parts = list
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
  return parts.length > 0 && parts.every((part) => part.startsWith('type '));
}

function resolve(from: string, specifier: string): string | undefined {
  if (specifier.startsWith('#shared/')) return `shared/${specifier.slice('#shared/'.length)}`;
  if (specifier.startsWith('.')) return normalize(join(dirname(from), specifier));
  return undefined;
}
