/**
 * The guide for admins, walked as it stands there: its files are written, its commands are run against the processes of `npm start`, and
 * what they print is what the guide shows, exit codes included. `POSTERN_GUIDE=write` writes what differs into the guide, to be read before
 * it is committed.
 */
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import { second } from '#shared/base/clock.ts';
import { currentTotp } from '#shared/crypto/totp.ts';
import { type GuideCommand, type GuideStep, readGuide } from '../support/guide-blocks.ts';
import { type Compared, compareOutput } from '../support/guide-output.ts';
import { privateDir, runTool } from '../support/journey-tools.ts';
import { needs } from '../support/programs.ts';
import { root } from '../support/source-tree.ts';
import { type RunningTriangle, startTriangle } from '../support/triangle.ts';

const guide = join(root, 'docs/policy-guide.md');
const isWriting = process.env['POSTERN_GUIDE'] === 'write';

t.setTimeout(300 * second);

t.test(
  'the guide for admins holds, line by line',
  { ...needs('sh', 'curl', 'sed'), timeout: 280 * second },
  async (t) => {
    const text = readFileSync(guide, 'utf8');
    const steps = readGuide(text);
    const triangle = await startTriangle(t);
    const walk = new Walk(t, triangle);
    const written: { command: GuideCommand; printed: string }[] = [];
    for (const step of steps) {
      if (step.kind !== 'command') {
        walk.take(step);
        continue;
      }
      const { compared, printed } = await walk.run(step);
      if (isWriting && !compared.same) written.push({ command: step, printed });
      else
        t.equal(compared.found, compared.same ? compared.found : compared.wanted, `line ${step.line}: ${step.typed}`);
      // What follows rests on it.
      if (!compared.same && !isWriting) break;
    }
    if (written.length > 0) writeFileSync(guide, rewrite(text, written));
  },
);

t.test('the policy that the README shows is one of the samples, as it stands there', async (t) => {
  const sample = readFileSync(join(root, 'deploy/quickstart/organisation/policies/payroll.cedar'), 'utf8');
  const [, shown = ''] = /```\n(@id[\s\S]*?)```/.exec(readFileSync(join(root, 'README.md'), 'utf8')) ?? [];
  t.ok(shown !== '' && sample.includes(shown), shown);
});

t.test('what a guide shows is run, and compared but for ids, times and ages', async (t) => {
  t.throws(
    () => readGuide('```cedar\npermit (principal, action, resource);\n```'),
    /line 1 is neither/,
    'a policy that is only shown',
  );
  t.throws(() => readGuide('```console\nsaid\n```'), /line 1 does not begin/);
  const shown = ['draft_aaaaaaaa by olga at 2026-11-25 10:00:00', '...', 'emil   is denied (3 h ago)'];
  const printed = (who: string) =>
    `draft_k2m9xwq8 by olga at 2030-01-02 03:04:05\nmore\n${who}  is denied (5 min ago)\n`;
  const found = compareOutput(shown, printed('emil'));
  t.match(found, { same: true });
  t.equal(found.names.get('draft_aaaaaaaa'), 'draft_k2m9xwq8');
  t.notOk(compareOutput(shown, printed('ada')).same);
  t.notOk(compareOutput(shown, `${printed('emil')}[1]\n`).same, 'an exit code that the guide does not show');
  t.notOk(compareOutput(['0 failed'], '1 failed\n').same);
});

/** A command that only asks is asked again while records and posture are still under way. */
const asks =
  /^(posternctl (policy (what-if|who-can|replay|explain|history|drafts|shadow status)|posture coverage)|postern posture|curl)\b/;
const patience = 15 * second;

class Walk {
  readonly #repository: string;
  readonly #home: string;
  readonly #triangle: RunningTriangle;
  /** What the guide calls it, and what it is here. */
  readonly #names = new Map<string, string>();
  #setUp = '';

  constructor(t: Test, triangle: RunningTriangle) {
    this.#triangle = triangle;
    this.#home = privateDir(t, 'guide');
    this.#repository = join(this.#home, 'postern');
    mkdirSync(this.#repository);
    symlinkSync(join(root, 'bin'), join(this.#repository, 'bin'));
    symlinkSync(triangle.ready.dir, join(this.#repository, '.postern'));
  }

  take(step: Exclude<GuideStep, GuideCommand>): void {
    if (step.kind === 'set-up') {
      this.#setUp += `${step.text}\n`;
      return;
    }
    const file = join(this.#home, 'policy-guide', step.name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, step.text);
  }

  async run(command: GuideCommand): Promise<{ compared: Compared; printed: string }> {
    const end = Date.now() + (isWriting ? 0 : patience);
    if (isWriting && asks.test(command.typed)) await new Promise((resolve) => setTimeout(resolve, second));
    for (;;) {
      const printed = await this.#print(command.typed);
      const compared = compareOutput(command.expected, printed);
      for (const [name, here] of compared.names) this.#name(name, here);
      if (compared.same || Date.now() > end || !asks.test(command.typed)) return { compared, printed };
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }

  #name(name: string, here: string): void {
    this.#names.set(name, here);
    // A trace is also known by its first digits.
    if (/^[0-9a-f]{32}$/.test(name)) this.#names.set(name.slice(0, 8), here.slice(0, 8));
  }

  async #print(typed: string): Promise<string> {
    const { employeePortal, ownerPortal, auditorPortal } = this.#triangle.ports;
    let line = typed.replaceAll(':7070', `:${employeePortal}`).replaceAll(':7071', `:${ownerPortal}`);
    line = line.replaceAll(':7072', `:${auditorPortal}`);
    const names = [...this.#names].sort(([a], [b]) => b.length - a.length);
    for (const [name, here] of names) line = line.replaceAll(name, here);
    const { people } = this.#triangle.ready;
    const login = /^posternctl login (\w+)$/.exec(typed)?.[1] as keyof typeof people | undefined;
    const user = login === undefined ? undefined : people[login];
    // A code is good once, and half a minute early: the agent has used the one of now.
    const code = user === undefined ? '' : currentTotp(user.totpSecret, Date.now() + 30 * second);
    const ran = await runTool('sh', ['-c', `exec 2>&1\n${this.#setUp}\n${line}`], {
      cwd: this.#repository,
      env: { HOME: this.#home, XDG_CONFIG_HOME: join(this.#home, '.config'), TZ: 'UTC' },
      input: user === undefined ? '' : `${user.password}\n${code}\n`,
    });
    const exit = ran.code === 0 ? '' : `[${ran.code}]\n`;
    return `${ran.stdout}${ran.stdout === '' || ran.stdout.endsWith('\n') ? '' : '\n'}${exit}`;
  }
}

function rewrite(text: string, written: readonly { command: GuideCommand; printed: string }[]): string {
  const lines = text.split('\n');
  for (const { command, printed } of written.toReversed()) {
    const shown = printed.replace(/\n$/, '').split('\n');
    lines.splice(command.from, command.to - command.from, ...(printed === '' ? [] : shown));
  }
  return lines.join('\n');
}
