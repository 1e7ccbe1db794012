/** A token that is told once: alone on standard output, or in a new file of this user alone. */
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import type { CliCall } from '#shared/base/cli.ts';
import { PosternError } from '#shared/base/errors.ts';
import { option, when } from './show.ts';

interface TokenGiven {
  readonly name: string;
  readonly token: string;
  readonly endsAt: number;
}

/** The file is there before the token is asked for, so that no token is made that cannot be kept. */
export async function giveToken(call: CliCall, ask: () => Promise<TokenGiven>): Promise<void> {
  const file = option(call, 'token-file');
  if (file === undefined) {
    const given = await ask();
    if (call.json) return call.io.out(JSON.stringify(given));
    call.io.err(`The token of ${given.name}, shown this once, good until ${when(given.endsAt)}:`);
    return call.io.out(given.token);
  }
  const descriptor = openNew(file);
  let given: TokenGiven;
  try {
    given = await ask();
    writeSync(descriptor, `${given.token}\n`);
  } catch (error) {
    rmSync(file, { force: true });
    throw error;
  } finally {
    closeSync(descriptor);
  }
  const { name, endsAt } = given;
  if (call.json) call.io.out(JSON.stringify({ name, endsAt, file }));
  else call.io.out(`The token of ${name}, good until ${when(endsAt)}, is in ${file}.`);
}

function openNew(file: string): number {
  try {
    return openSync(file, 'wx', 0o600);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const why = code === 'EEXIST' ? 'is there already: a token goes into a new file' : `cannot be written: ${code}`;
    throw new PosternError('bad-request', `${file} ${why}`, { cause });
  }
}
