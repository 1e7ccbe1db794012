/** A command line as a table: subcommands, options and help are one description, so that help cannot be wrong. */
import { getSystemErrorMessage, parseArgs } from 'node:util';
import { asPosternError, PosternError } from './errors.ts';
import { nearestName } from './nearest-name.ts';
import { safeText } from './print-table.ts';

export interface CliOption {
  readonly type: 'string' | 'boolean';
  readonly short?: string;
  readonly multiple?: boolean;
  /** Shown in help: `--config FILE`. */
  readonly value?: string;
  readonly about: string;
  readonly required?: boolean;
}

export interface CliCall {
  readonly values: Readonly<Record<string, string | boolean | readonly string[] | undefined>>;
  readonly args: readonly string[];
  /** `--json` was given: print with `io.out(JSON.stringify(...))` and nothing else. */
  readonly json: boolean;
  readonly io: CliIo;
}

export interface CliCommand {
  /** One line. */
  readonly about: string;
  /** `<app> [operation]`: `<x>` must be given, `[x]` may be, a last one with `...` takes all that follow. */
  readonly args?: string;
  readonly options?: Readonly<Record<string, CliOption>>;
  /** Longer text under the options. */
  readonly help?: string;
  /** A number it returns or resolves to is the exit code; anything else counts as 0. */
  readonly run: (call: CliCall) => unknown;
}

export interface Cli {
  /** The program's name. */
  readonly name: string;
  readonly about: string;
  /** By one or more words: `up`, `gateway invite`. `''` runs when no command is named. */
  readonly commands: Readonly<Record<string, CliCommand>>;
  /** Options of every command. `--help` and `--json` are always there. */
  readonly options?: Readonly<Record<string, CliOption>>;
  /** By error code, where another than 1 is wanted. */
  readonly exitCodes?: Readonly<Record<string, number>>;
}

export interface CliIo {
  /** A line to standard output: the answer. */
  readonly out: (text: string) => void;
  /** A line to standard error: everything else. */
  readonly err: (text: string) => void;
}

export const processIo: CliIo = {
  out: (text) => void process.stdout.write(`${text}\n`),
  err: (text) => void process.stderr.write(`${text}\n`),
};

const common: Readonly<Record<string, CliOption>> = {
  json: { type: 'boolean', about: 'Answer in JSON' },
  help: { type: 'boolean', short: 'h', about: 'Show this help' },
};

/** Runs one command line (without node and script); never throws. Returns 0, 1 when it failed, 2 when it was not understood, or what `exitCodes` says. */
export async function runCli(cli: Cli, line: readonly string[], io: CliIo = processIo): Promise<number> {
  const { first, argv } = takeFirstOptions(cli, line);
  const name = commandIn(cli, argv);
  const command = name === undefined ? undefined : cli.commands[name];
  if (name === undefined || command === undefined) {
    const words = argv.filter((word) => !word.startsWith('-'));
    if (words.length === 0 || (words.length === 1 && words[0] === 'help')) {
      const asked = words.length === 1 || line.includes('--help') || line.includes('-h');
      (asked ? io.out : io.err)(listCommands(cli));
      return asked ? 0 : 2;
    }
    const given = words.slice(0, 2).join(' ');
    const below = listBelow(cli, words.join(' '));
    if (below !== '') {
      const isAsked = wantsHelp(argv);
      (isAsked ? io.out : io.err)(below);
      return isAsked ? 0 : 2;
    }
    const near = nearestName(given, Object.keys(cli.commands)) ?? nearestName(words[0]!, Object.keys(cli.commands));
    const advice = near === undefined ? `try: ${cli.name} --help` : `did you mean: ${cli.name} ${near}`;
    io.err(`${cli.name}: there is no command "${safeText(given)}"; ${advice}`);
    return 2;
  }
  const options = { ...cli.options, ...command.options, ...common };
  const title = [cli.name, name].filter((word) => word !== '').join(' ');
  let call: CliCall;
  try {
    const rest = [...first, ...argv.slice(name === '' ? 0 : name.split(' ').length)];
    if (wantsHelp(rest)) {
      const own = describeCommand(title, command, options);
      const below = listBelow(cli, name);
      if (name === '') io.out(`${listCommands(cli)}\n\nWithout a command: ${own}`);
      else io.out(below === '' ? own : `${own}\n\n${below}`);
      return 0;
    }
    call = readCall(rest, command, options, io);
  } catch (error) {
    io.err(`${title}: ${usageError(error as Error & { code?: string }, options)}; try: ${title} --help`);
    return 2;
  }
  try {
    const result = await command.run(call);
    return typeof result === 'number' ? result : 0;
  } catch (thrown) {
    const error = asPosternError(fileError(thrown) ?? thrown);
    const trace = error.extra?.['trace'];
    // Whoever runs a command may read all of it: nothing of `tell` and title alone says which file it is about.
    const problem = { detail: error.message, ...error.toProblem(typeof trace === 'string' ? trace : undefined) };
    if (call.json) io.err(JSON.stringify(problem));
    else io.err(`${title}: ${safeLines(error.message)}${trace === undefined ? '' : ` (trace ${trace})`}`);
    return error.extra?.['usage'] === true ? 2 : (cli.exitCodes?.[error.code] ?? 1);
  }
}

/** What the system said of a file that a command was told of, in words: not all who run commands know ENOENT. */
function fileError(thrown: unknown): PosternError | undefined {
  const { path, syscall, errno } = (thrown ?? {}) as NodeJS.ErrnoException;
  if (!(thrown instanceof Error) || path === undefined || syscall === undefined || errno === undefined) return;
  const message = `cannot ${syscall} ${path}: ${getSystemErrorMessage(errno)}`;
  return new PosternError('bad-request', message, { cause: thrown });
}

/** A message may hold what a server said. */
function safeLines(text: string): string {
  return text.split('\n').map(safeText).join('\n');
}

/** Options that every command takes may stand before the command as well: `posternctl --socket PATH status`. */
function takeFirstOptions(cli: Cli, line: readonly string[]): { first: readonly string[]; argv: readonly string[] } {
  const options: Record<string, CliOption> = { ...cli.options, ...common };
  let at = 0;
  while (line[at]?.startsWith('--')) {
    const [name = '', value] = line[at]!.slice(2).split('=', 2);
    const option = Object.hasOwn(options, name) ? options[name] : undefined;
    if (option === undefined) break;
    at += option.type === 'string' && value === undefined ? 2 : 1;
  }
  return { first: line.slice(0, at), argv: line.slice(at) };
}

/** The longest command whose words the line starts with. */
function commandIn(cli: Cli, argv: readonly string[]): string | undefined {
  const names = Object.keys(cli.commands).filter((name) => {
    const words = name === '' ? [] : name.split(' ');
    return words.every((word, at) => argv[at] === word);
  });
  const best = names.toSorted((a, b) => b.length - a.length)[0];
  // Words that nobody takes are a mistyped command, not arguments of the nameless one.
  const isStray =
    best === '' && cli.commands['']!.args === undefined && argv[0] !== undefined && !argv[0].startsWith('-');
  return isStray ? undefined : best;
}

function wantsHelp(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  const own = end < 0 ? argv : argv.slice(0, end);
  return own.includes('--help') || own.includes('-h');
}

function readCall(
  argv: readonly string[],
  command: CliCommand,
  options: Record<string, CliOption>,
  io: CliIo,
): CliCall {
  const described = Object.entries(options).map(([name, { type, short, multiple }]) => [
    name,
    { type, ...(short === undefined ? {} : { short }), ...(multiple === undefined ? {} : { multiple }) },
  ]);
  const parsed = parseArgs({
    args: [...argv],
    options: Object.fromEntries(described),
    allowPositionals: true,
    strict: true,
  });
  const { positionals } = parsed;
  const values = parsed.values as CliCall['values'];
  for (const [name, { required }] of Object.entries(options)) {
    if (required && values[name] === undefined) throw new PosternError('bad-request', `--${name} is missing`);
  }
  const places = command.args?.split(' ') ?? [];
  const missing = places.filter((place) => place.startsWith('<'))[positionals.length];
  if (missing !== undefined) throw new PosternError('bad-request', `${missing} is missing`);
  if (positionals.length > places.length && !places.at(-1)?.includes('...')) {
    throw new PosternError('bad-request', `"${safeText(positionals[places.length]!)}" is one argument too many`);
  }
  return { values, args: positionals, json: values['json'] === true, io };
}

function usageError({ code, message }: Error & { code?: string }, options: Record<string, CliOption>): string {
  if (code === 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE') {
    // Node's own words go over several lines.
    const given = /'(?:-\w, )?(-[^' ]*)/.exec(message)?.[1] ?? 'this option';
    if (message.includes('does not take')) return `${safeText(given)} takes no value`;
    const dash =
      message.includes('ambiguous') && given.startsWith('--')
        ? `; one that begins with a dash is written ${given}=-...`
        : '';
    return `${safeText(given)} wants a value${safeText(dash)}`;
  }
  if (code !== 'ERR_PARSE_ARGS_UNKNOWN_OPTION') return safeText(message.split('. ', 1)[0]!);
  const given = /'(-[^']*)'/.exec(message)?.[1] ?? 'option';
  const near = nearestName(given.replace(/^-+/, ''), Object.keys(options));
  return `there is no option ${safeText(given)}${near === undefined ? '' : `, did you mean --${near}?`}`;
}

function listCommands({ name, about, commands }: Cli): string {
  return [
    about,
    '',
    `Usage: ${name} COMMAND [options]`,
    '',
    ...commandLines(Object.entries(commands)),
    '',
    `More: ${name} COMMAND --help`,
  ].join('\n');
}

/** `client add`, `client list` under `client`; `''` when there are none. */
function listBelow({ name, commands }: Cli, command: string): string {
  const below = Object.entries(commands).filter(([other]) => other.startsWith(`${command} `));
  return below.length === 0 ? '' : ['There is:', ...commandLines(below), `More: ${name} COMMAND --help`].join('\n');
}

function commandLines(commands: readonly (readonly [string, CliCommand])[]): string[] {
  const named = commands.filter(([command]) => command !== '');
  return columns(
    named.map(([command, { args, about }]) => [`  ${[command, args].filter(Boolean).join(' ')}`, about] as const),
  );
}

function describeCommand(title: string, command: CliCommand, options: Record<string, CliOption>): string {
  const lines = Object.entries(options).map(([name, { short, type, value, about, required }]) => {
    const text = `${short === undefined ? '    ' : `-${short}, `}--${name}${type === 'string' ? ` ${value ?? 'VALUE'}` : ''}`;
    return [`  ${text}`, required ? `${about} (must be given)` : about] as const;
  });
  const usage = ['Usage:', title, command.args, '[options]'].filter(Boolean).join(' ');
  return [command.about, '', usage, '', ...columns(lines), ...(command.help ? ['', command.help] : [])].join('\n');
}

function columns(lines: readonly (readonly [string, string])[]): string[] {
  const width = Math.min(40, Math.max(0, ...lines.map(([left]) => left.length)));
  return lines.map(([left, right]) => `${left.padEnd(width)}  ${right}`);
}
