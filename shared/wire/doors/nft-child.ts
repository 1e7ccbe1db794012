/**
 * One `nft -i` that lives as long as the door: a command costs a fraction of a millisecond, where a process for each costs several.
 * It is started again when it has died; what it was doing then is an error of that command. Its stdin ends with this process, and it
 * with that.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { PosternError } from '../../base/errors.ts';

/** Known, harmless, and printed once everything before it was. */
const mark = 'describe ip ttl';
const markPrinted = /(?:^|\n)payload expression,[^\n]*\n$/;
const maxWaiting = 4096;
const maxOutput = 1024 * 1024;
const answerMs = 5000;

interface Command {
  readonly line: string;
  readonly resolve: (output: string) => void;
  readonly reject: (error: Error) => void;
}

export class NftChild {
  readonly #waiting: Command[] = [];
  #child: ChildProcessWithoutNullStreams | undefined;
  #running: (Command & { output: string; readonly timer: NodeJS.Timeout }) | undefined;
  #isStopped = false;

  /** Its process id, while there is one. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /**
   * One line is one transaction. Resolves with what nft printed (stateless, numeric, without the elements of sets). Rejects with
   * what it complained of; as `unavailable` when it died, did not answer or has too much to do.
   */
  run(line: string): Promise<string> {
    if (/[\r\n]/.test(line)) throw new PosternError('internal', 'a command for nft is one line');
    return new Promise((resolve, reject) => {
      if (this.#isStopped) reject(new PosternError('unavailable', 'nft has been stopped'));
      else if (this.#waiting.length >= maxWaiting) reject(new PosternError('unavailable', 'nft has too much to do'));
      else {
        this.#waiting.push({ line, resolve, reject });
        this.#next();
      }
    });
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const { reject } of this.#waiting.splice(0)) reject(new PosternError('unavailable', 'nft has been stopped'));
    const child = this.#child;
    if (child === undefined) return;
    const gone = new Promise((resolve) => child.once('close', resolve));
    child.stdin.end();
    const timer = setTimeout(() => child.kill('SIGKILL'), answerMs);
    await gone;
    clearTimeout(timer);
  }

  #next(): void {
    if (this.#running !== undefined) return;
    const command = this.#waiting.shift();
    if (command === undefined) return;
    this.#child ??= this.#start();
    const child = this.#child;
    const timer = setTimeout(() => child.kill('SIGKILL'), answerMs);
    this.#running = { ...command, output: '', timer };
    child.stdin.write(`${command.line}\n${mark}\n`);
  }

  #start(): ChildProcessWithoutNullStreams {
    // Complaints and answers through one pipe, so that they come in order.
    const child = spawn('/bin/sh', ['-c', 'exec nft -i -s -t -n 2>&1'], { env: nftEnvironment() });
    child.stdin.on('error', () => {});
    child.stderr.resume();
    child.stdout.setEncoding('utf8').on('data', (text: string) => this.#read(child, text));
    const gone = (why: string) => {
      if (this.#child !== child) return;
      this.#child = undefined;
      this.#end((command) => command.reject(new PosternError('unavailable', `nft ended: ${why}${command.output}`)));
    };
    child.once('error', (error) => gone(error.message));
    child.once('close', (code, signal) => gone(`${signal ?? code} `));
    return child;
  }

  #read(child: ChildProcessWithoutNullStreams, text: string): void {
    const running = this.#running;
    if (this.#child !== child || running === undefined) return;
    running.output += text;
    if (running.output.length > maxOutput) {
      child.kill('SIGKILL');
      return;
    }
    const mark = markPrinted.exec(running.output);
    if (mark === null) return;
    const output = running.output.slice(0, mark.index === 0 ? 0 : mark.index + 1);
    this.#end(({ resolve, reject }) => {
      if (!isComplaint.test(output)) resolve(output);
      else reject(new PosternError('internal', `nft refused: ${firstLine(output)}`));
    });
  }

  #end(settle: (command: Command & { readonly output: string }) => void): void {
    const running = this.#running;
    this.#running = undefined;
    if (running !== undefined) {
      clearTimeout(running.timer);
      settle(running);
    }
    this.#next();
  }
}

const isComplaint = /(?:^|\n)(?:[^\n]*Error: |Operation not permitted)/;
const firstLine = (text: string): string => text.trim().split('\n', 1)[0]!.slice(0, 200);

/** Its place is not on everybody's path. Nothing else of our environment is its business. */
export const nftEnvironment = (): NodeJS.ProcessEnv => ({
  PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin:/usr/local/sbin`,
  LC_ALL: 'C',
});
