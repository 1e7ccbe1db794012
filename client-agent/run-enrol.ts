/** `postern enrol`: the invitation comes on standard input or by a prompt, never on a command line (P5). */
import { createInterface } from 'node:readline/promises';
import type { CliCall } from '#shared/base/cli.ts';
import { systemClock } from '#shared/base/clock.ts';
import { asPosternError, PosternError } from '#shared/base/errors.ts';
import { createLog } from '#shared/base/log.ts';
import { maxInvitationChars } from '#shared/contracts/invitation.ts';
import type { Ladders } from '#shared/wire/doors/ladders.ts';
import { decodeInvitation } from '#shared/wire/invitation.ts';
import { placeOf } from './cli/with-agent.ts';
import type { Diagnosis } from './diagnosis/judge.ts';
import { loadAgentConfig } from './load-agent-config.ts';

export async function runEnrol(call: CliCall): Promise<number> {
  const config = loadAgentConfig(call);
  const { io, json, values } = call;
  const { Keystore } = await import('./keystore/keystore.ts');
  const { profileDirectory } = await import('./wiring.ts');
  const { enrol } = await import('./to-controller/enrol.ts');
  const { Ladders } = await import('#shared/wire/doors/ladders.ts');
  const { deviceFacts } = await import('./device-facts.ts');
  const { createLocalHost } = await import('./posture/local-host.ts');
  const keystore = new Keystore(profileDirectory(config));
  try {
    const invitation = process.stdin.isTTY ? await promptInvitation() : await readInvitation();
    io.err(`Enrolling this device at ${decodeInvitation(invitation).o} ...`);
    const facts = await deviceFacts(createLocalHost({ clock: systemClock }));
    const log = createLog('postern', config.logLevel === 'info' ? 'warn' : config.logLevel);
    const again = values['again'] === true;
    const clock = systemClock;
    const ladders = new Ladders({ clock, log, proxy: { setting: config.proxy, env: process.env } });
    const { explained } = await import('./diagnosis/explain-failure.ts');
    const made = await explained(
      () => lookBefore(invitation, ladders),
      () => enrol({ keystore, invitation, facts, clock, log, again, ladders }),
    ).catch((thrown: unknown) => {
      // For the person; what the connection said is in the cause.
      const { code, message, tell, extra, cause } = asPosternError(thrown);
      throw new PosternError(code, tell ?? message, { ...(tell && { tell }), ...(extra && { extra }), cause });
    });
    const { device, person, organisation, state, fingerprint, firstFactors } = made;
    if (json) io.out(JSON.stringify({ device, person, organisation, state, fingerprint, firstFactors }));
    else {
      io.out(`This device is enrolled for ${person.name} at ${organisation}.`);
      if (state === 'pending') {
        io.out('It comes into service when you sign in on it. Where your administrator compares fingerprints first:');
        io.out(`  ${fingerprint}`);
      }
      io.out(`Next: postern up${await placeOf(call)}`);
    }
    return 0;
  } finally {
    keystore.close();
  }
}

/** Nothing is trusted yet: whoever answers is told apart only by its certificate, whose root the invitation names. */
async function lookBefore(text: string, ladders: Ladders): Promise<Diagnosis> {
  const { diagnose } = await import('./diagnosis/diagnose.ts');
  const { systemProbes } = await import('./diagnosis/probes.ts');
  const { pinnedWay } = await import('./diagnosis/outside-way.ts');
  const invitation = decodeInvitation(text);
  const knock = invitation.n === undefined ? 'missing' : 'held';
  return diagnose(systemProbes, {
    ...pinnedWay(invitation, ladders),
    own: (clockOffsetMs) => ({ now: Date.now(), ...(clockOffsetMs === undefined ? {} : { clockOffsetMs }), knock }),
  });
}

async function readInvitation(): Promise<string> {
  let text = '';
  for await (const chunk of process.stdin) {
    text += String(chunk);
    if (text.length > 2 * maxInvitationChars) throw new PosternError('code-refused', 'standard input is too long');
  }
  return text;
}

/** Mail programs wrap long lines: reads on until it is whole, or a line is empty. */
async function promptInvitation(): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    let text = await lines.question('Paste the invitation: ');
    while (!isWhole(text)) {
      const more = await lines.question('');
      if (more.trim() === '') break;
      text += more;
    }
    return text;
  } finally {
    lines.close();
  }
}

function isWhole(text: string): boolean {
  try {
    decodeInvitation(text);
    return true;
  } catch {
    // Not yet, or never: the caller decodes again and says why.
    return false;
  }
}
