/** What every command that talks to the running agent shares: finding its socket, and failures that say what to do. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { CliCall } from '#shared/base/cli.ts';
import { asPosternError, PosternError } from '#shared/base/errors.ts';
import type { Control } from '../control/open-control.ts';
import { openControl } from '../control/open-control.ts';
import { profilePath } from '../keystore/profile-directory.ts';
import { placeArguments } from './place-arguments.ts';

const advice: Readonly<Partial<Record<string, string>>> = {
  'session-required': 'Run: postern login',
  'session-idle': 'Run: postern login',
  'sign-in-again': 'Run: postern login --again',
  'step-up-required': 'Run: postern login --step-up',
  'device-unfit': 'See: postern posture',
  'device-pending': 'See: postern status',
  'not-allowed': 'See: postern why',
};

/** The directory that the command line, `POSTERN_*` or the configuration file names. */
export async function directoryOf(call: CliCall): Promise<string> {
  const { env } = process;
  const dir = (call.values['dir'] as string | undefined) ?? env['POSTERN_DIR'];
  if (dir !== undefined && dir !== '') return dir;
  const profile = (call.values['profile'] as string | undefined) ?? env['POSTERN_PROFILE'];
  if (call.values['config'] === undefined && (env['POSTERN_CONFIG'] ?? '') === '') {
    return profilePath(profile === undefined || profile === '' ? 'default' : profile, env);
  }
  // Schemas and YAML are loaded only for those who use a file: ssh waits for this command.
  const { loadAgentConfig } = await import('../load-agent-config.ts');
  const config = loadAgentConfig(call);
  return config.dir ?? profilePath(config.profile, env);
}

/** What to put behind a command that we tell people to run, so that it finds the same profile. */
export async function placeOf(call: CliCall): Promise<string> {
  const profile = (call.values['profile'] as string | undefined) ?? process.env['POSTERN_PROFILE'];
  return placeArguments(await directoryOf(call), profile || 'default');
}

export const socketIn = (directory: string): string => join(directory, 'agent.sock');

/** Runs `act` with the agent of the profile. A failure names the next command where there is one. */
export async function withAgent<T>(call: CliCall, act: (control: Control) => Promise<T>): Promise<T> {
  const directory = await directoryOf(call);
  const socket = socketIn(directory);
  const place = await placeOf(call);
  if (!existsSync(socket)) throw notRunning(directory, place);
  const control = openControl(socket);
  try {
    return await act(control);
  } catch (thrown) {
    throw withAdvice(asPosternError(thrown), directory, place);
  } finally {
    await control.stop();
  }
}

function withAdvice(error: PosternError, directory: string, place: string): PosternError {
  if (error.code === 'unreachable' && isNobody(error.cause)) return notRunning(directory, place);
  const text = error.tell ?? error.message;
  const next = advice[error.code];
  const tell = next === undefined || text.includes('postern ') ? text : `${text} ${next}${place}`;
  return new PosternError(error.code, tell, { tell, extra: error.extra ?? {}, cause: error });
}

function isNobody(cause: unknown): boolean {
  const code = (cause as { code?: string } | undefined)?.code;
  return code === 'ECONNREFUSED' || code === 'ENOENT';
}

const notRunningErrors = new WeakSet<object>();

/** Whether `withAgent` failed because no agent runs for the profile. */
export const isNotRunning = (error: unknown): boolean => typeof error === 'object' && notRunningErrors.has(error!);

function notRunning(directory: string, place: string): PosternError {
  const isEnrolled = existsSync(join(directory, 'enrolment.json'));
  const tell = isEnrolled
    ? `The agent is not running for ${directory}. Start it: postern up${place}`
    : `There is no enrolled profile in ${directory}. Enrol first: postern enrol${place}`;
  const error = new PosternError('unreachable', tell, { tell });
  notRunningErrors.add(error);
  return error;
}
