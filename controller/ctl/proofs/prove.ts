/** `posternctl log prove`. */
import { writeFileSync } from 'node:fs';
import type { CliCommand } from '#shared/base/cli.ts';
import { PosternError } from '#shared/base/errors.ts';
import { checkProof, shownToExtra } from '#shared/log/check-proof.ts';
import { parseNoteKey } from '#shared/log/note-key.ts';
import { formatProofFile } from '#shared/log/proof-file.ts';
import { withAdmin } from '../connect.ts';
import { misuse, option } from '../show.ts';

export const prove: CliCommand = {
  about: 'A file that proves to anyone that a record stands in the log',
  args: '<id>',
  options: {
    out: { type: 'string', value: 'FILE', about: 'Where to; <id>.tlog-proof unless told, - for standard output' },
    without: { type: 'string', value: 'FIELDS', about: 'Personal fields that it shall not show: person,path' },
    only: { type: 'string', value: 'FIELDS', about: 'The only personal fields that it shall show' },
  },
  help: `Whoever has the file and the public key (posternctl log key) checks it with: posternctl log check-proof FILE --key KEY,
or with node alone (posternctl log verifier DIR).`,
  run: (call) =>
    withAdmin(call, async (admin) => {
      const id = call.args[0]!;
      const [without, only] = [fieldsOf(option(call, 'without')), fieldsOf(option(call, 'only'))];
      if (without !== undefined && only !== undefined) throw misuse('give --without or --only, not both');
      const proof = await admin.proveRecord({ params: { id } });
      const names = proof.disclosures.map(({ name }) => name);
      for (const name of [...(without ?? []), ...(only ?? [])]) {
        if (!names.includes(name))
          throw misuse(`the record has no "${name}" to show; it has: ${names.join(', ') || 'none'}`);
      }
      const shown = proof.disclosures.filter(({ name }) => only?.includes(name) ?? !(without ?? []).includes(name));
      const text = formatProofFile({
        extra: shownToExtra({ leaf: proof.leaf, disclosures: shown.map(({ text }) => text) }),
        index: proof.index,
        path: proof.path.map((hash) => Buffer.from(hash, 'base64')),
        checkpoint: proof.checkpoint,
      });
      // As whoever gets it will, so that no file is given out that does not hold.
      const { keys } = await admin.logHead();
      checkProof(text, { log: keys.map(({ key }) => parseNoteKey(key)) });
      const file = option(call, 'out') ?? `${id}.tlog-proof`;
      if (file === '-') return call.io.out(text.trimEnd());
      write(file, text);
      const said = { file, index: proof.index, shown: shown.map(({ name }) => name), key: keys.at(-1)?.key };
      if (call.json) return call.io.out(JSON.stringify(said));
      call.io.out(`${file} proves leaf ${proof.index}; it shows: ${said.shown.join(', ') || 'nothing personal'}.`);
      call.io.err(`Check it with the key: ${said.key}`);
    }),
};

const fieldsOf = (text: string | undefined): string[] | undefined =>
  text
    ?.split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '');

function write(file: string, text: string): void {
  try {
    writeFileSync(file, text, { flag: 'wx', mode: 0o600 });
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const why = code === 'EEXIST' ? 'exists: name another with --out' : `cannot be written: ${code}`;
    throw new PosternError('bad-request', `the file ${file} ${why}`, { cause });
  }
}
