/** An administrator's file in the state directory holds for every start, also by a unit that names no file. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';

const root = join(import.meta.dirname, '../..');

async function checked(program: string, args: readonly string[]): Promise<Record<string, unknown>> {
  const env = { PATH: process.env['PATH'], HOME: process.env['HOME'] };
  const { stdout } = await promisify(execFile)(process.execPath, [join(root, program), ...args, '--json'], { env });
  return JSON.parse(stdout) as Record<string, unknown>;
}

const programs = [
  { program: 'controller/main.ts', command: 'check-config', file: 'controller.yaml', option: 'door' },
  { program: 'gateway/main.ts', command: 'check-config', file: 'gateway.yaml', option: 'door' },
  { program: 'client-agent/main.ts', command: 'up', file: 'agent.yaml', option: 'logLevel' },
];
const values = { door: ['none', 'both', 'prelude'], logLevel: ['info', 'warn', 'error'] };

for (const { program, command, file, option } of programs) {
  t.test(`${program} reads ${file} of its state directory, and a file that is named instead of it`, async (t) => {
    const [usual, own, named] = values[option as keyof typeof values];
    const dir = t.testdir({
      empty: {},
      full: { [file]: `${option}: ${own}\n` },
      'named.yaml': `${option}: ${named}\n`,
    });
    const args = [command, ...(command === 'up' ? ['--check-config'] : [])];
    const said = async (...more: string[]) => (await checked(program, [...args, ...more]))[option];
    t.equal(await said('--dir', join(dir, 'empty')), usual);
    t.equal(await said('--dir', join(dir, 'full')), own);
    t.equal(await said('--dir', join(dir, 'full'), '--config', join(dir, 'named.yaml')), named);
  });
}
