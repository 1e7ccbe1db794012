/** `posternctl log anchor`: where checkpoints of the log go, so that its own operator cannot change what came before them. */
import type { CliCall, CliCommand } from '#shared/base/cli.ts';
import { anchorKinds } from '#shared/contracts/admin-log-anchors.ts';
import { withAdmin } from './connect.ts';
import { answerDone, answerList, given, numbered, oneWord, option, plural, readText, span } from './show.ts';
import { readTargetSecret, targetBody, targetOptions } from './target-flags.ts';

export const logAnchorCommands: Readonly<Record<string, CliCommand>> = {
  'log anchor add': {
    about: 'Let checkpoints of the log go to a place outside, or to a witness that signs them',
    args: '<name> <kind>',
    options: {
      address: { type: 'string', value: 'HOST:PORT', about: 'syslog: the receiver; TLS, with octet counting' },
      url: { type: 'string', value: 'URL', about: 'url: where each note is posted; witness: its submission prefix' },
      'witness-key': {
        type: 'string',
        value: 'KEY',
        about: 'witness: its public key for cosignatures, or a file that holds it',
      },
      every: {
        type: 'string',
        value: 'SECONDS',
        about: 'How often; file and witness 60, syslog and url 900 unless told',
      },
      secret: {
        type: 'boolean',
        about: 'Ask for the Authorization header (url, witness); or read it from standard input',
      },
      ...targetOptions,
    },
    help: [
      `Kinds: ${anchorKinds.join(', ')}. A file is anchors/NAME.jsonl of the state directory: mount there what the controller can append to and not change.`,
      'Example: posternctl log anchor add notary url --url https://notary.corp.example/postern --secret-file token',
    ].join('\n'),
    run: (call) =>
      withAdmin(call, async (admin) => {
        const anchor = await admin.addLogAnchor({ body: await readBody(call) });
        answerDone(
          call,
          anchor,
          `Checkpoints go to ${anchor.name} every ${span(anchor.everySeconds * 1000)}. See whether they arrive: posternctl log anchor try ${anchor.name}`,
        );
      }),
  },
  'log anchor list': {
    about: 'Places outside, and the newest checkpoint that stands in each',
    run: (call) =>
      withAdmin(call, async (admin) =>
        answerList(call, (await admin.logAnchors()).items, (anchor) => ({
          name: anchor.name,
          kind: anchor.kind,
          to: anchor.address ?? anchor.url ?? '(file)',
          every: span(anchor.everySeconds * 1000),
          leaves: anchor.size,
          behind: anchor.behind,
          arrived: anchor.anchoredAt === undefined ? '-' : `${span(Date.now() - anchor.anchoredAt)} ago`,
          trouble: anchor.trouble?.why ?? '-',
        })),
      ),
  },
  'log anchor try': {
    about: 'Send the newest checkpoint there now, and say what came of it',
    args: '<name>',
    run: (call) =>
      withAdmin(call, async (admin) => {
        const { size, ms, why } = await admin.tryLogAnchor({ params: named(call), timeoutMs: 180_000 });
        if (call.json) call.io.out(JSON.stringify({ arrived: why === undefined, size, ms, ...given({ why }) }));
        else if (why === undefined)
          call.io.out(`The checkpoint of ${plural(size, 'record')} stands there, after ${ms} ms.`);
        else call.io.out(`It did not arrive: ${why}`);
        return why === undefined ? 0 : 1;
      }),
  },
  'log anchor remove': {
    about: 'Forget a place outside, with its secrets; what stands there stays',
    args: '<name>',
    run: (call) =>
      withAdmin(call, async (admin) => {
        const { name } = named(call);
        await admin.removeLogAnchor({ params: { name } });
        answerDone(call, { removed: name }, `Checkpoints go to ${name} no more.`);
      }),
  },
};

const named = (call: CliCall): { name: string } => ({ name: call.args[0]! });

async function readBody(call: CliCall) {
  const [name = '', kindText = ''] = call.args;
  const witness = option(call, 'witness-key');
  return given({
    name,
    kind: oneWord(kindText, anchorKinds, 'the kind'),
    ...targetBody(call),
    witnessKey: witness === undefined || witness.includes('+') ? witness : readText(witness).trim(),
    everySeconds: numbered(call, 'every'),
    authorization: await readTargetSecret(call, 'Authorization header'),
  });
}
