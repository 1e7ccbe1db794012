/** Shows what is wrong with policies and their tests: file, line and column, the line itself, and a mark under the place. */
import type { Static } from 'typebox';
import type { CliCall } from '#shared/base/cli.ts';
import { PosternError } from '#shared/base/errors.ts';
import { safeText } from '#shared/base/print-table.ts';
import type { policyProblem, policyTestResult } from '#shared/contracts/admin-objects.ts';

export type Problem = Static<typeof policyProblem>;
export type TestResult = Static<typeof policyTestResult>;

export function tellProblems({ io }: Pick<CliCall, 'io'>, problems: readonly Problem[]): void {
  for (const problem of problems) {
    const { severity, file, line, column, policy, message, lint } = problem;
    const place = [file === '' ? undefined : fileName(file), line, column]
      .filter((part) => part !== undefined)
      .join(':');
    const what = [policy, lint].filter((part) => part !== undefined).join(', ');
    io.err(safeText([severity, place, `${what === '' ? '' : `(${what}) `}${message}`].filter(Boolean).join(': ')));
    tellPlace({ io }, problem);
  }
}

const fileName = (file: string): string => (file.endsWith('.yaml') ? file : `${file}.cedar`);

function tellPlace({ io }: Pick<CliCall, 'io'>, { source, sourceColumn = 1, length = 1 }: Partial<Problem>): void {
  if (source === undefined || source.trim() === '') return;
  const shown = safeText(source.replaceAll('\t', ' '));
  io.err(`    ${shown}`);
  const room = Math.max(1, [...shown].length - sourceColumn + 1);
  io.err(`    ${' '.repeat(sourceColumn - 1)}${'^'.repeat(Math.min(length, room))}`);
}

/** Tests that failed, each with its place and why. */
export function tellFailedTests({ io }: Pick<CliCall, 'io'>, tests: readonly TestResult[]): void {
  for (const { name, file, place, passed, expected, got, why } of tests) {
    if (passed) continue;
    io.err(safeText(`failed: ${file}:${place.line}:${place.column}: ${name}`));
    tellPlace({ io }, place);
    io.err(safeText(`    expected ${expected}, got ${got}`));
    for (const line of why) io.err(`      ${safeText(line)}`);
  }
}

/** Runs an act that publishes; says place by place what stands in the way. */
export async function tellingProblems<T>(call: CliCall, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    const extra = error instanceof PosternError && !call.json ? (error.extra ?? {}) : {};
    const { problems, tests, lines } = extra as { problems?: Problem[]; tests?: TestResult[]; lines?: string[] };
    if (Array.isArray(problems)) tellProblems(call, problems);
    if (Array.isArray(tests)) tellFailedTests(call, tests);
    if (Array.isArray(lines)) for (const line of lines) call.io.err(safeText(line));
    throw error;
  }
}
