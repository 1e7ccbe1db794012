/**
 * Checks a proof of a record of the log, or an evidence bundle, with nothing but Node: `node shared/log/check-main.ts FILE --key KEY [--witness KEY]... [--json]`.
 * Needs no network, no package, no controller. Exit code 0 when it holds, 1 when it does not, 2 when it was not understood.
 */
import { accessSync, closeSync, existsSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { PosternError } from '../base/errors.ts';
import { checkBundle } from './check-bundle.ts';
import { checkProof } from './check-proof.ts';
import { missingWitnesses } from './checkpoint.ts';
import { parseNoteKey } from './note-key.ts';
import { maxFileBytes } from './proof-file.ts';
import { plain, proofToJson, showProof } from './show-proof.ts';
import { blockBytes } from './tar.ts';

const usage = `Usage: node check-proof.mjs FILE --key KEY [--witness KEY]... [--json]

FILE      the proof, - for standard input; or an evidence bundle, a folder or a tar file
--key     public key of the log, as "posternctl log key" prints it, or a file that holds it; may be told several times
--witness public key of a witness whose signature must be there too; of a bundle, on the checkpoints of its records and of its manifest`;

/** Returns the exit code. */
export function checkMain(argv: readonly string[], out: (text: string) => void, err: (text: string) => void): number {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(argv);
  } catch (error) {
    err(`${(error as Error).message}\n\n${usage}`);
    return 2;
  }
  const { values, positionals } = parsed;
  const [file] = positionals;
  if (values.help === true) {
    out(usage);
    return 0;
  }
  if (file === undefined || positionals.length > 1 || values.key === undefined) {
    err(usage);
    return 2;
  }
  let given: ReturnType<typeof readKeys>;
  try {
    given = readKeys(values.key, values.witness ?? []);
    if (file !== '-') accessSync(file);
  } catch (error) {
    err(unread(error));
    return 2;
  }
  try {
    const { log, witnesses } = given;
    if (file !== '-' && isBundle(file)) {
      const verdict = checkBundle(file, { log, witnesses });
      const { holds, files, records, sizes, faults } = verdict;
      if (values.json === true) out(JSON.stringify(verdict));
      else if (holds) {
        const [first, last] = sizes!;
        out(
          `Holds: ${files} files, ${records} records of a log of ${first} leaves, which goes on to the ${last} that have the manifest on record.`,
        );
      }
      for (const fault of faults) err(plain(`Does not hold: ${JSON.stringify(fault.file)}: ${fault.what}`));
      return holds ? 0 : 1;
    }
    const checked = checkProof(readProof(file), { log, witnesses });
    for (const witness of missingWitnesses(checked, witnesses))
      throw new PosternError('proof-refused', `the witness ${witness.name} has not signed`);
    if (values.json === true) out(JSON.stringify(proofToJson(checked)));
    else for (const line of showProof(checked)) out(line);
    return 0;
  } catch (error) {
    const { message } = error as Error;
    if (values.json === true) out(JSON.stringify({ holds: false, why: plain(message) }));
    // What is wrong is told in the words of whoever made it.
    err(plain(`Does not hold: ${message}`));
    return 1;
  }
}

const parse = (argv: readonly string[]) =>
  parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      key: { type: 'string', multiple: true },
      witness: { type: 'string', multiple: true },
      json: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });

/** A folder, or what is a tar file by its name or its first block; a proof is a text. */
function isBundle(file: string): boolean {
  if (statSync(file).isDirectory() || file.endsWith('.tar')) return true;
  const fd = openSync(file, 'r');
  try {
    const block = Buffer.alloc(blockBytes);
    readSync(fd, block, 0, blockBytes, 0);
    return block.toString('latin1', 257, 262) === 'ustar';
  } finally {
    closeSync(fd);
  }
}

const readKeys = (log: readonly string[], witnesses: readonly string[]) => ({
  log: log.map(readKey),
  witnesses: witnesses.map(readKey),
});

/** Nothing was judged yet: that a file or key cannot be read says nothing about the proof. */
function unread(error: unknown): string {
  const { code, path, message } = error as NodeJS.ErrnoException;
  if (path === undefined) return message;
  const why = code === 'ENOENT' ? 'there is no such file' : `it cannot be read (${code})`;
  return `${path}: ${why}`;
}

/** One byte more than a proof has, and no more of what never ends. */
function readProof(file: string): Buffer {
  const fd = file === '-' ? 0 : openSync(file, 'r');
  try {
    const parts: Buffer[] = [];
    for (let left = maxFileBytes + 1; left > 0; ) {
      const piece = Buffer.allocUnsafe(Math.min(left, 64 * 1024));
      const read = readSync(fd, piece, 0, piece.length, null);
      if (read === 0) break;
      parts.push(piece.subarray(0, read));
      left -= read;
    }
    return Buffer.concat(parts);
  } finally {
    if (fd !== 0) closeSync(fd);
  }
}

function readKey(text: string) {
  if (text.includes('+')) return parseNoteKey(text);
  if (!existsSync(text))
    throw new Error(plain(`--key ${text}: neither a public key of a log nor a file that holds one`));
  return parseNoteKey(readFileSync(text, 'utf8'));
}

if (import.meta.main) {
  process.exitCode = checkMain(
    process.argv.slice(2),
    (text) => process.stdout.write(`${text}\n`),
    (text) => process.stderr.write(`${text}\n`),
  );
}
