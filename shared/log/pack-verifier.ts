/**
 * The verifier as a folder of plain JavaScript that Node 20.12 and later run with nothing else: our own sources with their types taken
 * out, one file for each, so that whoever wants to can read what they run.
 */
import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { dirname, join, relative } from 'node:path';

export interface PackedFile {
  /** Below the folder. */
  readonly path: string;
  readonly text: string;
}

const shared = join(import.meta.dirname, '..');
export const verifierMain = 'check-proof.mjs';

/** Throws TypeError should a source reach for more than Node: then it would not run alone. */
export function packVerifier(): PackedFile[] {
  return withoutWarning(() => pack());
}

/** Node calls what takes types out experimental, and would say so to whoever wanted a verifier. Other warnings are let through. */
function withoutWarning<T>(act: () => T): T {
  const { emitWarning } = process;
  process.emitWarning = (warning: string | Error, ...rest: unknown[]) => {
    if (!String(warning).startsWith('stripTypeScriptTypes ')) Reflect.apply(emitWarning, process, [warning, ...rest]);
  };
  try {
    return act();
  } finally {
    process.emitWarning = emitWarning;
  }
}

function pack(): PackedFile[] {
  const files = new Map<string, string>();
  const visit = (source: string): void => {
    const path = relative(shared, source).replace(/\.ts$/, '.mjs');
    if (files.has(path)) return;
    const plain = stripTypeScriptTypes(readFileSync(source, 'utf8'));
    const specifiers = [...plain.matchAll(/\bfrom '([^']+)'/g)].map(([, specifier]) => specifier!);
    files.set(path, plain.replaceAll(/(\bfrom '\.[^']+)\.ts'/g, "$1.mjs'").replaceAll(/[ \t]+$/gm, ''));
    for (const specifier of specifiers) {
      if (specifier.startsWith('.')) visit(join(dirname(source), specifier));
      else if (!specifier.startsWith('node:')) throw new TypeError(`${source} needs ${specifier}`);
    }
  };
  visit(join(import.meta.dirname, 'check-main.ts'));
  const main = `#!/usr/bin/env node
// Checks a proof of a record of an access log of Postern. Needs Node 20.12 or later, and nothing else.
import { checkMain } ${'from'} './log/check-main.mjs';

const write = (stream) => (text) => void stream.write(text + '\\n');
process.exitCode = checkMain(process.argv.slice(2), write(process.stdout), write(process.stderr));
`;
  return [{ path: verifierMain, text: main }, ...[...files].map(([path, text]) => ({ path, text }))];
}
