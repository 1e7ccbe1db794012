/** `posternctl log check-proof`: needs no controller, no network and no state of Postern. */
import type { CliCommand } from '#shared/base/cli.ts';
import { checkMain } from '#shared/log/check-main.ts';
import { option, options } from '../show.ts';

export const checkProofCommand: CliCommand = {
  about: 'Check a proof by the public key of the log, without a controller',
  args: '<file>',
  options: {
    key: { type: 'string', value: 'KEY', about: 'Public key of the log, or a file that holds it', required: true },
    witness: { type: 'string', value: 'KEY', multiple: true, about: 'A witness that must have signed too' },
  },
  help: 'The key must come from elsewhere than the file. Exit code 1 when the proof does not hold.',
  run(call) {
    const witnesses = options(call, 'witness').flatMap((key) => ['--witness', key]);
    const argv = [call.args[0]!, '--key', option(call, 'key')!, ...witnesses, ...(call.json ? ['--json'] : [])];
    return checkMain(argv, call.io.out, call.io.err);
  },
};
