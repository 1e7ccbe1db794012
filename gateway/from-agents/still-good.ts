/** P16: the last question, asked in the tick that writes to the app. */
import { second } from '#shared/base/clock.ts';
import { PosternError } from '#shared/base/errors.ts';
import { isRevoked } from '../gates/revocation.ts';
import type { LiveEntry } from '../grants/live-table.ts';
import type { DataParts } from './data-parts.ts';

/** Why nothing may be sent any more; when there is no reason, it counts as sent from here on. The grace of a running stream never admits a new request (P15). */
export function stillGood(parts: Pick<DataParts, 'state' | 'time'>, entry: LiveEntry): PosternError | undefined {
  if (entry.cutBy !== undefined) return entry.cutBy;
  const { claims } = entry;
  if (isRevoked(claims, parts.state())) return new PosternError('grant-revoked');
  if (parts.time() >= claims.exp * second) return new PosternError('grant-expired');
  entry.wasSent = true;
  return undefined;
}
