/** Flags by which a place outside is named to which the log goes, or its checkpoints. */
import type { CliCall, CliOption } from '#shared/base/cli.ts';
import { readSecret } from '#shared/base/read-secret.ts';
import { content, flag, option, readText } from './show.ts';

const file = (about: string): CliOption => ({ type: 'string', value: 'FILE', about });

/** How a receiver is reached, whatever goes there. */
export const targetOptions: Readonly<Record<string, CliOption>> = {
  'secret-file': file('The same from a file'),
  ca: file('PEM of who issues its certificates; those the system believes unless told'),
  certificate: file('PEM of a client certificate, where the receiver wants one'),
  key: file('PEM of its key'),
  'server-name': { type: 'string', value: 'NAME', about: 'The name in its certificate, where it is not the host' },
  plain: { type: 'boolean', about: 'Without TLS: whoever is on the way reads what goes there' },
};

export const targetBody = (call: CliCall) => ({
  address: option(call, 'address'),
  url: option(call, 'url'),
  plain: flag(call, 'plain') ? true : undefined,
  ca: content(call, 'ca'),
  certificate: content(call, 'certificate'),
  key: content(call, 'key'),
  serverName: option(call, 'server-name'),
});

export const hasSecret = (call: CliCall): boolean => option(call, 'secret-file') !== undefined || flag(call, 'secret');

/** What `--secret` or `--secret-file` gives. Never on the command line, which every process of the machine can read. */
export async function readTargetSecret(call: CliCall, prompt: string): Promise<string | undefined> {
  const path = option(call, 'secret-file');
  if (path !== undefined) return readText(path).trim();
  return flag(call, 'secret') ? readSecret({ prompt }) : undefined;
}
