/**
 * Structured logs. Tells the log everything but secrets: fields that can hold one are removed by name, at any of the
 * depths where our own code puts them.
 */
import { type Logger, pino, stdSerializers } from 'pino';

export type Log = Logger;

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

const secretNames = ['password', 'secret', 'grant', 'code', 'seed', 'token', 'authorization', 'cookie', 'privateKey'];
const redact = secretNames.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]);

/** An error's own `code` is a word of a closed list, like `unreachable` or ECONNREFUSED: under that name it would be taken for a one-time code. */
function describeError(error: unknown): unknown {
  const described = stdSerializers.err(error as Error) as object;
  if (!(error instanceof Error) || !('code' in described)) return described;
  const { code, ...rest } = described;
  return { ...rest, errorCode: code };
}

/**
 * Writes JSON lines to standard error, so that standard output stays for what a command answers. `also` gets each line too,
 * with its secrets removed already.
 */
export function createLog(name: string, level: LogLevel = 'info', also?: (line: string) => void): Log {
  const standardError = pino.destination({ dest: 2, sync: true });
  return pino(
    {
      name,
      level,
      base: { name },
      serializers: { err: describeError },
      redact: { paths: redact, censor: '[removed]' },
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    also === undefined
      ? standardError
      : {
          write(line: string) {
            standardError.write(line);
            also(line);
          },
        },
  );
}

export const silentLog: Log = pino({ level: 'silent' });
