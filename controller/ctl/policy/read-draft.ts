/** The draft that a command is about, and the lines of an analysis of it. */
import type { Readable } from 'node:stream';
import type { Static, TSchema } from 'typebox';
import { Value } from 'typebox/value';
import type { CliCall, CliOption } from '#shared/base/cli.ts';
import { PosternError } from '#shared/base/errors.ts';
import type { Draft } from '#shared/contracts/admin-analysis.ts';
import { readNdjson } from '#shared/wire/ndjson.ts';
import { readPolicyDirectory } from '../read-directory.ts';
import { misuse, numbered } from '../show.ts';

export const versionOption: Readonly<Record<string, CliOption>> = {
  version: { type: 'string', value: 'N', about: 'A version that was published, instead of a directory' },
};

/** `dir` or `--version`; undefined when neither was given. */
export function draftOf(call: CliCall, dir: string | undefined): Draft | undefined {
  const epoch = numbered(call, 'version');
  if (dir !== undefined && epoch !== undefined) throw misuse('give a directory or --version, not both');
  if (dir !== undefined) return { files: readPolicyDirectory(dir).files };
  return epoch === undefined ? undefined : { epoch };
}

const maxLine = 64 * 1024 * 1024;

type ResultOf<L> = Extract<L, { t: 'result' }> extends { result: infer R } ? R : never;

/** Reads an analysis to its result. How far it has come stands on a terminal while it runs. */
export async function readAnalysis<const L extends TSchema>(
  call: CliCall,
  schema: L,
  bytes: Readable,
): Promise<ResultOf<Static<L>>> {
  const progress = makeProgress(call);
  try {
    for await (const line of readNdjson(bytes, { maxLine })) {
      if (!Value.Check(schema, line)) throw new PosternError('bad-answer', 'an analysis has a line of another form');
      const known = line as { t: string; done: number; total: number; of?: string; result: ResultOf<Static<L>> };
      if (known.t === 'result') return known.result;
      progress.tell(known.done, known.total, known.of);
    }
  } finally {
    progress.end();
  }
  throw new PosternError('bad-answer', 'the analysis was cut short: the log of the controller says why');
}

/** How far something has come, on a terminal while it runs. `of`: which part of it. */
export function makeProgress({ json }: CliCall): { tell(done: number, total: number, of?: string): void; end(): void } {
  const { stderr } = process;
  if (json || !stderr.isTTY) return { tell() {}, end() {} };
  return {
    tell(done, total, of) {
      const share = `${total === 0 ? 100 : Math.floor((done * 100) / total)} %`;
      stderr.write(`\r\u001b[K${of === undefined ? share : `${of}: ${share}`}`);
    },
    end: () => void stderr.write('\r\u001b[K'),
  };
}
