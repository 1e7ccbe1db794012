/** Secrets come from a prompt or a pipe, never from a command line, which every process of the machine can read. */
import type { ReadStream } from 'node:tty';
import { PosternError } from './errors.ts';

export interface SecretSource {
  readonly prompt: string;
  readonly input?: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly output?: Pick<NodeJS.WritableStream, 'write'>;
}

const maxChars = 4096;

/**
 * One line: typed without echo at a terminal, else the first line of standard input. Throws `bad-request` when it is empty,
 * too long or ended by Ctrl-C.
 */
export async function readSecret({
  prompt,
  input = process.stdin,
  output = process.stderr,
}: SecretSource): Promise<string> {
  const isTerminal = input.isTTY === true;
  const raw = isTerminal ? (input as unknown as ReadStream) : undefined;
  if (isTerminal) output.write(`${prompt}: `);
  raw?.setRawMode(true);
  try {
    const line = await readLine(input);
    if (line === '') throw new PosternError('bad-request', `${prompt}: nothing was given`);
    return line;
  } finally {
    raw?.setRawMode(false);
    input.pause();
    if (isTerminal) output.write('\n');
  }
}

const interrupt = '\u0003';
const endOfInput = '\u0004';

function readLine(input: NodeJS.ReadableStream): Promise<string> {
  return new Promise((resolve, reject) => {
    let line = '';
    const decoder = new TextDecoder('utf-8');
    const finish = (act: () => void) => {
      input.removeListener('data', onData);
      input.removeListener('end', onEnd);
      input.removeListener('error', reject);
      act();
    };
    const onEnd = () => finish(() => resolve(line));
    const onData = (chunk: Buffer | string) => {
      for (const character of typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true })) {
        if (character === '\r' || character === '\n' || character === endOfInput) return onEnd();
        if (character === interrupt) return finish(() => reject(new PosternError('bad-request', 'interrupted')));
        if (character === '\u007f' || character === '\b') line = [...line].slice(0, -1).join('');
        else line += character;
        if (line.length > maxChars)
          return finish(() => reject(new PosternError('bad-request', 'the line is too long')));
      }
    };
    input.on('data', onData);
    input.once('end', onEnd);
    input.once('error', reject);
    input.resume();
  });
}
