/** `posternctl keys`, `trust`. */
import { resolve } from 'node:path';
import type { CliCall, CliCommand } from '#shared/base/cli.ts';
import { readSecret } from '#shared/base/read-secret.ts';
import { withAdmin } from './connect.ts';
import { answerDone, misuse, numbered, when } from './show.ts';
import { answerCut } from './show-cut.ts';

const readPassphrase = () => readSecret({ prompt: 'Passphrase of the file, 12 characters or more' });
const keyFile = async (call: CliCall) => ({ file: resolve(call.args[0]!), passphrase: await readPassphrase() });

export const keyCommands: Readonly<Record<string, CliCommand>> = {
  'keys rotate': {
    about: 'Rotate: the new key is used once every fresh gateway has it',
    args: '<what>',
    options: { wait: { type: 'string', value: 'SECONDS', about: 'How long to wait for the gateways; 10 unless told' } },
    help: 'What: signing (grants) or issuing (the issuing CA). Nothing is cut. Exit code 1 while it is not in use yet.',
    run: (call) =>
      withAdmin(call, async (admin) => {
        const what = call.args[0];
        if (what !== 'signing' && what !== 'issuing') throw misuse('what to rotate is one of: signing, issuing');
        const wait = numbered(call, 'wait');
        const body = { what, ...(wait === undefined ? {} : { waitMs: wait * 1000 }) } as const;
        const rotation = await admin.rotateKeys({ body });
        const { kid, inUse, gateways } = rotation;
        if (call.json) call.io.out(JSON.stringify(rotation));
        else {
          const use = inUse ? 'in use' : 'NOT in use yet: it waits for the gateways below, and goes on by itself';
          call.io.out(`The next ${what} key is ${kid}, ${use}.`);
          for (const { gateway, state, lastSeenAt } of gateways) {
            const since = lastSeenAt === undefined ? '' : ` (last seen ${when(lastSeenAt)})`;
            const said = {
              confirmed: 'confirmed',
              waiting: 'NOT confirmed yet',
              away: `away${since}; not waited for, it learns the key when it is back`,
            };
            call.io.out(`gateway ${gateway}: ${said[state]}`);
          }
          if (!inUse) call.io.out('How far it is: posternctl trust');
        }
        return inUse ? 0 : 1;
      }),
  },
  'keys withdraw': {
    about: 'Take a signing key out of use at once, with every grant and stream under it',
    args: '<kid>',
    help: 'For a key that may have leaked. If it was the current one, the next, or a new one, signs from then on.',
    run: (call) =>
      withAdmin(call, async (admin) => {
        const kid = call.args[0]!;
        const { signer, cut } = await admin.withdrawKey({ body: { kid } });
        return answerCut(call, cut, `The signing key ${kid} is withdrawn; ${signer} signs.`);
      }),
  },
  'keys root take': {
    about: "Move the root CA's key into a new file, encrypted, and out of the store",
    args: '<file>',
    help: 'On the host of the controller; carry the file away, and keep a second copy. Backups made before still hold the key, sealed.',
    run: (call) =>
      withAdmin(call, async (admin) => {
        const { file, fingerprint } = await admin.takeRootKey({ body: await keyFile(call) });
        const sentence = `The key of the root CA (SHA-256 ${fingerprint}) is in ${file}, and no longer in the store. It is needed again for: posternctl keys rotate issuing.`;
        answerDone(call, { file, fingerprint }, sentence);
      }),
  },
  'keys root bring': {
    about: "Read the root CA's key back from its file",
    args: '<file>',
    run: (call) =>
      withAdmin(call, async (admin) => {
        const { fingerprint } = await admin.bringRootKey({ body: await keyFile(call) });
        answerDone(call, { fingerprint }, `The key of the root CA (SHA-256 ${fingerprint}) is in the store again.`);
      }),
  },
  trust: {
    about: 'The certificate authorities and the signing keys',
    run: (call) =>
      withAdmin(call, async (admin) => {
        const { bundle, authorities, signing } = await admin.trust();
        if (call.json) return call.io.out(JSON.stringify({ bundle, authorities, signing }));
        for (const { kind, state, since, endsAt, fingerprint, keyHere } of authorities) {
          const away = kind === 'root' && !keyHere ? '; its key is not on this machine' : '';
          call.io.out(
            `${kind} CA  ${state} since ${when(since)}, until ${when(endsAt)}${away}\n  SHA-256 ${fingerprint}`,
          );
        }
        for (const { kid, state, since } of signing) call.io.out(`signing key  ${kid}  ${state} since ${when(since)}`);
      }),
  },
};
