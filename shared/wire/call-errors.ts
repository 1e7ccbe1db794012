/** What a failed call means to its caller. */
import { PosternError } from '../base/errors.ts';

/**
 * OpenSSL's codes for a server certificate that is not good, as Node names them: `UNSPECIFIED` is every one that Node has no
 * name for, such as a trust domain that our CA may not write.
 */
const certificateCode =
  /^(CERT_|CRL_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_|HOSTNAME_MISMATCH|ERR_TLS_CERT_|UNSPECIFIED$)/;

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
