/** `posternctl recover`. */
import type { CliCall, CliCommand } from '#shared/base/cli.ts';
import { withAdmin } from './connect.ts';
import { given, misuse, option, when } from './show.ts';
import { cutLines } from './show-cut.ts';

/** The number of a version; 0 keeps what is in force. */
function versionOf(call: CliCall): number | undefined {
  const told = option(call, 'policy');
  if (told === undefined) return undefined;
  if (told === 'keep') return 0;
  if (!/^[1-9]\d{0,14}$/.test(told)) throw misuse('--policy is the number of a version, or keep');
  return Number(told);
}

export const recoveryCommands: Readonly<Record<string, CliCommand>> = {
  recover: {
    about: 'The way back in for an owner: a policy that lets them in, and an invitation for a new device',
    args: '[owner]',
    options: {
      policy: {
        type: 'string',
        value: 'N|keep',
        about: 'The version to put in force again; unless told, the newest that lets the owner use an app',
      },
    },
    help: 'In one step, whole or not at all; also lifts a suspension of the owner. Needs --reason. The invitation stands alone on standard output.',
    run: (call) =>
      withAdmin(call, async (admin) => {
        const answer = await admin.recover({ body: given({ person: call.args[0], epoch: versionOf(call) }) });
        if (call.json) return call.io.out(JSON.stringify(answer));
        const { person, lifted, epoch, sameAs, invitation, endsAt, hasFactors, cut } = answer;
        const tell = (line: string) => call.io.err(line);
        if (lifted) tell(`The suspension of ${person} is lifted.`);
        tell(
          sameAs === undefined
            ? `The policy in force, version ${epoch}, is left as it is.`
            : `Policy version ${epoch}, the same as ${sameAs}, is in force.`,
        );
        for (const line of cutLines(cut, Date.now())) tell(line);
        if (!hasFactors) {
          tell(`${person} has no factors left: after enrolling, posternctl device approve, then person reset-factors.`);
        }
        tell(
          `For a new device of ${person}, good once, until ${when(endsAt)}. On it: postern enrol, then postern login`,
        );
        call.io.out(invitation);
      }),
  },
};
