/** A question to the person at a terminal. Where nobody sits, nothing is asked: a build server means what it says. */
import { stderr, stdin } from 'node:process';
import { createInterface } from 'node:readline/promises';
import type { CliCall } from '#shared/base/cli.ts';
import { flag } from '../show.ts';

/** True unless they say no. `--yes` and `--json` ask nothing. */
export async function confirm(call: CliCall, question: string): Promise<boolean> {
  if (flag(call, 'yes') || call.json || !stdin.isTTY || !stderr.isTTY) return true;
  const lines = createInterface({ input: stdin, output: stderr });
  try {
    return /^y(es)?$/i.test((await lines.question(`${question} [y/N] `)).trim());
  } finally {
    lines.close();
  }
}
