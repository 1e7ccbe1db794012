/** `postern renew`, `postern rekey`. */
import type { CliCall } from '#shared/base/cli.ts';
import { withAgent } from './with-agent.ts';
import { answer } from './words.ts';

export async function renew(call: CliCall): Promise<void> {
  await withAgent(call, ({ calls }) => calls.renew());
  answer(call, { done: true }, () => call.io.out('The certificate is renewed.'));
}

export async function rekey(call: CliCall): Promise<void> {
  await withAgent(call, ({ calls }) => calls.rekey());
  answer(call, { done: true }, () => call.io.out('The device has a new key.'));
}
