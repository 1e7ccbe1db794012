/** What a failed call means to its caller. */
import { PosternError } from '../base/errors.ts';
import { certificateCode } from './doors/leg-failure.ts';

/** Transport failures as `unreachable`, a server that proved to be nobody we trust as `peer-refused`. */
export function asCallError(name: string, error: unknown): PosternError {
  if (error instanceof PosternError) return error;
  const { message, code, cause } = (error instanceof Error ? error : new Error(String(error))) as Error & {
    code?: string;
  };
  if (cause instanceof PosternError) return cause;
  if (code !== undefined && certificateCode.test(code)) {
    return new PosternError('peer-refused', `${name}: ${message} (${code})`, { cause: error, extra: { reason: code } });
  }
  const why = message || code || 'failed';
  return new PosternError('unreachable', `${name}: ${why}`, { cause: error });
}
