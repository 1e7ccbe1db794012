/** Shows what is wrong with policies, by file and line. */
import type { CliCall } from '#shared/base/cli.ts';
import { PosternError } from '#shared/base/errors.ts';
import { safeText } from '#shared/base/print-table.ts';

interface Problem {
  readonly severity: string;
  readonly file: string;
  readonly line?: number;
  readonly policy?: string;
  readonly message: string;
}

export function tellProblems({ io }: CliCall, problems: readonly Problem[]): void {
  for (const { severity, file, line, policy, message } of problems) {
    const place = [file === '' ? undefined : `${file}.cedar`, line].filter((part) => part !== undefined).join(':');
    io.err(safeText(`${severity}: ${place}${policy === undefined ? '' : ` (${policy})`}: ${message}`));
  }
}

/** Runs an act that publishes; says by line what is wrong when the policies are refused. */
export async function tellingProblems<T>(call: CliCall, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    const problems = error instanceof PosternError ? error.extra?.['problems'] : undefined;
    if (Array.isArray(problems) && !call.json) tellProblems(call, problems as Problem[]);
    throw error;
  }
}
