/** Answers to the questions of a command: typed at a terminal without echo, else the lines of standard input in their order. */
import { createInterface } from 'node:readline';
import { PosternError } from '#shared/base/errors.ts';
import { readSecret } from '#shared/base/read-secret.ts';

export interface Answers {
  readonly isTerminal: boolean;
  /** Throws `bad-request` when nothing more comes. */
  ask(question: string): Promise<string>;
  close(): void;
}

const maxChars = 4096;

export function openAnswers(input: NodeJS.ReadStream = process.stdin): Answers {
  if (input.isTTY) {
    return { isTerminal: true, ask: (prompt) => readSecret({ prompt, input }), close: () => {} };
  }
  // Line by line: a program may have to read what we say before it can write its next answer.
  const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
  const next = lines[Symbol.asyncIterator]();
  return {
    isTerminal: false,
    async ask(question) {
      const { value, done } = await next.next();
      if (done || value === '') throw new PosternError('bad-request', `${question}: standard input has no more lines`);
      if (value.length > maxChars) throw new PosternError('bad-request', `${question}: too long`);
      return value;
    },
    close() {
      lines.close();
      input.destroy();
    },
  };
}
