/** `posternctl log verifier`. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { CliCommand } from '#shared/base/cli.ts';
import { PosternError } from '#shared/base/errors.ts';
import { packVerifier, verifierMain } from '#shared/log/pack-verifier.ts';
import { answerDone } from '../show.ts';

export const verifier: CliCommand = {
  about: 'The verifier of proofs as a folder that needs nothing but Node',
  args: '<dir>',
  help: 'For whoever gets a proof and has no Postern: node DIR/check-proof.mjs FILE --key KEY. Node 20.12 or later.',
  run(call) {
    const dir = call.args[0]!;
    for (const { path, text } of packVerifier()) {
      const file = join(dir, path);
      try {
        mkdirSync(dirname(file), { recursive: true });
        writeFileSync(file, text, { flag: 'wx' });
      } catch (cause) {
        const { code } = cause as NodeJS.ErrnoException;
        throw new PosternError('conflict', `${file} cannot be written: ${code}`, { cause });
      }
    }
    answerDone(call, { dir, main: join(dir, verifierMain) }, `Run it: node ${join(dir, verifierMain)} FILE --key KEY`);
  },
};
