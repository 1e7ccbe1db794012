/** `posternctl log prove`. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CliCall, CliCommand } from '#shared/base/cli.ts';
import { PosternError } from '#shared/base/errors.ts';
import type { RecordProof } from '#shared/contracts/admin-proofs.ts';
import { checkProof, shownToExtra } from '#shared/log/check-proof.ts';
import { parseNoteKey } from '#shared/log/note-key.ts';
import { formatProofFile } from '#shared/log/proof-file.ts';
import { type AdminClient, withAdmin } from '../connect.ts';
import { misuse, option, plural } from '../show.ts';

export const prove: CliCommand = {
  about: 'Files that prove to anyone that a record, or every record of a trace, stands in the log',
  args: '<id-or-trace>',
  options: {
    out: {
      type: 'string',
      value: 'FILE',
      about: 'Of one record: where to; <id>.tlog-proof unless told, - for standard output',
    },
    to: {
      type: 'string',
      value: 'DIR',
      about: 'The directory for <id>.tlog-proof of each record; made where it is missing',
    },
    without: { type: 'string', value: 'FIELDS', about: 'Personal fields that they shall not show: person,path' },
    only: { type: 'string', value: 'FIELDS', about: 'The only personal fields that they shall show' },
  },
  help: `Of a trace (or its first 8 digits or more) every record is proved, each in a file of its own: log show tells what they are. Whoever has a file and
the public key (posternctl log key) checks it with: posternctl log check-proof FILE --key KEY, or with node alone (posternctl log verifier DIR).`,
  run: (call) => withAdmin(call, (admin) => run(call, admin)),
};

interface Made {
  readonly id: string;
  readonly file: string;
  readonly index: number;
  readonly shown: readonly string[];
  readonly text: string;
}

async function run(call: CliCall, admin: AdminClient): Promise<void> {
  const [without, only] = [fieldsOf(option(call, 'without')), fieldsOf(option(call, 'only'))];
  if (without !== undefined && only !== undefined) throw misuse('give --without or --only, not both');
  const [out, to] = [option(call, 'out'), option(call, 'to')];
  if (out !== undefined && to !== undefined) throw misuse('give --out or --to, not both');
  const { ids, ...of } = await recordsOf(admin, call.args[0]!);
  if (out !== undefined && ids.length > 1)
    throw misuse(`the trace has ${plural(ids.length, 'record')}, each in a file of its own: --to DIR instead of --out`);
  const proofs = new Map<string, RecordProof>();
  for (const id of ids) proofs.set(id, await admin.proveRecord({ params: { id } }));
  requireFields([...proofs.values()], [...(without ?? []), ...(only ?? [])]);
  const { keys } = await admin.logHead();
  const log = keys.map(({ key }) => parseNoteKey(key));
  const isShown = (name: string) => only?.includes(name) ?? !(without ?? []).includes(name);
  const made = [...proofs].map(([id, proof]): Made => {
    const shown = proof.disclosures.filter(({ name }) => isShown(name));
    const text = formatProofFile({
      extra: shownToExtra({ leaf: proof.leaf, disclosures: shown.map((one) => one.text) }),
      index: proof.index,
      path: proof.path.map((hash) => Buffer.from(hash, 'base64')),
      checkpoint: proof.checkpoint,
    });
    // As whoever gets it will, so that no file is given out that does not hold.
    checkProof(text, { log });
    const file = out ?? join(to ?? '', `${id}.tlog-proof`);
    return { id, file, index: proof.index, shown: shown.map(({ name }) => name), text };
  });
  if (out === '-') return call.io.out(made[0]!.text.trimEnd());
  if (to !== undefined) makeDirectory(to);
  // All or none, as far as that can be known before.
  for (const { file } of made) if (existsSync(file)) throw refuseFile(file, 'EEXIST');
  for (const { file, text } of made) write(file, text);
  const key = keys.at(-1)?.key;
  if (call.json) return call.io.out(JSON.stringify({ ...of, proofs: made.map(({ text: _, ...one }) => one), key }));
  for (const { file, index, shown } of made)
    call.io.out(`${file} proves leaf ${index}; it shows: ${shown.join(', ') || 'nothing personal'}.`);
  if (of.more === true) call.io.err(`The trace has more records: these are the first ${ids.length}.`);
  call.io.err(`Check ${made.length === 1 ? 'it' : 'each'} with the key: ${key}`);
}

/** The records of a trace in the order of `log show`, or the one record. Throws `not-found`, and `bad-request` for the beginning of several traces. */
async function recordsOf(admin: AdminClient, of: string): Promise<{ ids: string[]; trace?: string; more?: boolean }> {
  if (!/^[0-9a-f]{8,32}$/i.test(of)) return { ids: [of] };
  const { trace, records, more } = await admin.recordStory({ query: { of } });
  return { ids: records.filter(({ own }) => own).map(({ record }) => record.id), trace, more };
}

/** A field that none of them has is a slip, and would show what was meant to be left out. */
function requireFields(proofs: readonly RecordProof[], wanted: readonly string[]): void {
  const names = new Set(proofs.flatMap(({ disclosures }) => disclosures.map(({ name }) => name)));
  const missing = wanted.find((name) => !names.has(name));
  if (missing === undefined) return;
  const who =
    proofs.length === 1
      ? `the record has no "${missing}" to show; it has`
      : `no record has "${missing}" to show; they have`;
  throw misuse(`${who}: ${[...names].join(', ') || 'none'}`);
}

const fieldsOf = (text: string | undefined): string[] | undefined =>
  text
    ?.split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '');

function makeDirectory(dir: string): void {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw refuseFile(dir, (cause as NodeJS.ErrnoException).code, cause);
  }
}

function write(file: string, text: string): void {
  try {
    writeFileSync(file, text, { flag: 'wx', mode: 0o600 });
  } catch (cause) {
    throw refuseFile(file, (cause as NodeJS.ErrnoException).code, cause);
  }
}

function refuseFile(file: string, code: string | undefined, cause?: unknown): PosternError {
  const why = code === 'EEXIST' ? 'exists: name another with --out or --to' : `cannot be written: ${code}`;
  return new PosternError('bad-request', `${file} ${why}`, { cause });
}
