import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import t from 'tap';
import { type Cli, type CliCall, runCli } from '#shared/base/cli.ts';
import { PosternError } from '#shared/base/errors.ts';
import { printTable, safeText } from '#shared/base/print-table.ts';
import { readSecret } from '#shared/base/read-secret.ts';

async function run(line: string) {
  const out: string[] = [];
  const err: string[] = [];
  const calls: CliCall[] = [];
  const cli: Cli = {
    name: 'tool',
    about: 'A tool.',
    options: { config: { type: 'string', short: 'c', value: 'FILE', about: 'Configuration' } },
    commands: {
      'gateway invite': {
        about: 'Invites a gateway',
        args: '<site>',
        options: { days: { type: 'string', value: 'N', about: 'Days' }, yes: { type: 'boolean', about: 'Yes' } },
        run: (call) => void calls.push(call),
      },
      gateway: { about: 'Lists gateways', run: (call) => void calls.push(call) },
      fail: {
        about: 'Fails',
        options: { because: { type: 'string', about: 'Why', required: true } },
        run: () => {
          throw new PosternError('not-found', 'no such thing', { extra: { trace: 'ab' } });
        },
      },
      all: { about: 'All', args: '[names...]', run: ({ args }) => args.length },
    },
  };
  const code = await runCli(cli, line.split(' ').filter(Boolean), { out: (x) => out.push(x), err: (x) => err.push(x) });
  return { code, out: out.join('\n'), err: err.join('\n'), call: calls[0] };
}

t.test('the longest command runs with its options', async (t) => {
  const { code, call } = await run('gateway invite berlin --days 3 -c x.yaml --json');
  t.equal(code, 0);
  t.match(call, { values: { days: '3', config: 'x.yaml' }, args: ['berlin'], json: true });
  t.match((await run('gateway')).call, { args: [], json: false });
  t.equal((await run('all a b c')).code, 3);
});

t.test('an option of every command may stand before the command', async (t) => {
  const { call } = await run('--config x.yaml --json gateway invite berlin --days 3');
  t.match(call, { values: { days: '3', config: 'x.yaml' }, args: ['berlin'], json: true });
  t.match((await run('--config=x.yaml gateway')).call, { values: { config: 'x.yaml' } });
  t.match((await run('--days 3 gateway invite berlin')).err, /there is no command/);
});

t.test('help as a word is help; the first word of several commands names them', async (t) => {
  t.match(await run('help'), { code: 0, out: /Usage: tool COMMAND/ });
  const cli = { name: 'tool', about: 'A tool.', commands: { 'group list': { about: 'All', run: () => 0 } } };
  const err: string[] = [];
  t.equal(await runCli(cli, ['group'], { out: t.fail, err: (text) => err.push(text) }), 2);
  t.match(err.join('\n'), /^There is:\n {2}group list\s+All\n/, 'what there is, as an error');
  const out: string[] = [];
  t.equal(await runCli(cli, ['group', '--help'], { out: (text) => out.push(text), err: t.fail }), 0);
  t.match(out.join('\n'), /^There is:\n {2}group list\s+All\nMore: tool COMMAND --help$/);
});

t.test('so do two words that begin commands', async (t) => {
  const out: string[] = [];
  const err: string[] = [];
  const commands = {
    'policy show': { about: 'One', run: () => {} },
    'policy shadow stop': { about: 'Ends', run: () => {} },
  };
  const cli: Cli = { name: 'tool', about: 'A tool.', commands };
  const io = { out: (x: string) => out.push(x), err: (x: string) => err.push(x) };
  t.equal(await runCli(cli, ['policy', 'shadow', '--help'], io), 0);
  t.match(out.join('\n'), /^There is:\n {2}policy shadow stop\s+Ends\nMore/);
  t.equal(await runCli(cli, ['policy', 'shado'], io), 2);
  t.match(err.join('\n'), /there is no command "policy shado"/);
});

t.test('help is the table', async (t) => {
  const all = await run('--help');
  t.equal(all.code, 0);
  t.match(all.out, /gateway invite <site>\s+Invites a gateway/);
  const one = await run('gateway invite --help');
  t.match(one.out, /Usage: tool gateway invite <site> \[options\]/);
  t.match(one.out, /-c, --config FILE\s+Configuration/);
  t.match(one.out, /--days N\s+Days/);
  const none = await run('');
  t.equal(none.code, 2);
  t.match(none.err, /Usage/);
});

t.test('what is not understood says what to do', async (t) => {
  const cases: [string, RegExp][] = [
    ['gatway', /no command "gatway"; did you mean: tool gateway$/],
    ['zzzzzz', /try: tool --help/],
    ['gateway invite berlin --dayz 3', /no option --dayz, did you mean --days\?; try: tool gateway invite --help/],
    ['gateway invite', /<site> is missing/],
    ['gateway invite a b', /"b" is one argument too many/],
    ['fail', /--because is missing/],
    ['gateway invite a --days', /--days wants a value; try/],
    ['gateway invite a --days -1', /--days wants a value; one that begins with a dash is written --days=-\.\.\.; try/],
    ['gateway invite a --json=1', /--json takes no value; try/],
  ];
  for (const [line, message] of cases) {
    const { code, err, call } = await run(line);
    t.equal(code, 2, line);
    t.match(err, message, line);
    t.equal(call, undefined, line);
  }
});

t.test('a failure is one line, or one problem in JSON', async (t) => {
  const plain = await run('fail --because x');
  t.equal(plain.code, 1);
  t.equal(plain.err, 'tool fail: no such thing (trace ab)');
  const json = await run('fail --because x --json');
  t.match(JSON.parse(json.err), { code: 'not-found', trace: 'ab' });
});

t.test('what the system says of a file is said in words, and in JSON as well', async (t) => {
  const cli: Cli = {
    name: 'tool',
    about: 'A tool.',
    options: {},
    commands: { read: { about: 'Reads', args: '<file>', run: ({ args }) => void readFileSync(args[0]!) } },
  };
  const said = async (...line: string[]) => {
    const err: string[] = [];
    const code = await runCli(cli, ['read', ...line], { out: () => {}, err: (text) => err.push(text) });
    return { code, err: err.join('\n') };
  };
  const told = 'cannot open /nowhere/file: no such file or directory';
  t.same(await said('/nowhere/file'), { code: 1, err: `tool read: ${told}` });
  t.match(JSON.parse((await said('/nowhere/file', '--json')).err), { code: 'bad-request', detail: told });
});

t.test('tables are aligned and cannot drive a terminal', async (t) => {
  const table = printTable([
    { name: 'ann', devices: 3, ok: true },
    { name: '\u001b]0;evil\u0007名', devices: 12, ok: undefined },
  ]);
  t.same(table.split('\n'), [
    'NAME         DEVICES  OK',
    'ann                3  yes',
    '\ufffd]0;evil\ufffd名       12  -',
  ]);
  t.equal(printTable([]), '(none)');
  t.equal(safeText('a\u202eb\nc'), 'a\ufffdb\ufffdc');
});

t.test('a secret is read from a pipe, and from a terminal without echo', async (t) => {
  const pipe = new PassThrough();
  pipe.end('s3cret\nrest\n');
  t.equal(await readSecret({ prompt: 'Code', input: pipe }), 's3cret');
  const empty = new PassThrough();
  empty.end();
  await t.rejects(readSecret({ prompt: 'Code', input: empty }), { code: 'bad-request' });
  const long = new PassThrough();
  long.end('x'.repeat(5000));
  await t.rejects(readSecret({ prompt: 'Code', input: long }), { code: 'bad-request' });

  const modes: boolean[] = [];
  const written: string[] = [];
  const terminal = Object.assign(new PassThrough(), { isTTY: true, setRawMode: (mode: boolean) => modes.push(mode) });
  const output = { write: (text: string) => written.push(text) > 0 };
  const typed = readSecret({ prompt: 'Code', input: terminal, output });
  terminal.write('pax');
  terminal.write('\u007fss\r');
  t.equal(await typed, 'pass');
  t.same(modes, [true, false]);
  t.same(written, ['Code: ', '\n']);
  const stopped = readSecret({ prompt: 'Code', input: terminal, output });
  terminal.write('ab\u0003');
  await t.rejects(stopped, { message: 'interrupted' });
  t.same(modes, [true, false, true, false]);
});

t.test('a reader that has gone is no failure of any program', async (t) => {
  for (const program of ['controller', 'gateway', 'client-agent', 'controller/ctl']) {
    const main = join(import.meta.dirname, '../..', program, 'main.ts');
    const child = spawn(process.execPath, [main, '--help'], { stdio: ['ignore', 'pipe', 'pipe'] });
    // Before it has loaded a line.
    child.stdout.destroy();
    const said: Buffer[] = [];
    child.stderr.on('data', (chunk: Buffer) => said.push(chunk));
    const [code] = await once(child, 'close');
    t.equal(code, 0, program);
    t.equal(Buffer.concat(said).toString(), '', program);
  }
});
