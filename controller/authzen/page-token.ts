/**
 * Page tokens: where a search goes on, sealed, since a cursor names what this client may not have found. Good only for the
 * client it was given to, and for the same search (another page size is the same search).
 */
import { sha256 } from '#shared/base/bytes.ts';
import type { PosternError } from '#shared/base/errors.ts';
import type { Sealer } from '#shared/crypto/seal.ts';
import { malformed } from './read-json.ts';
import type { Search } from './read-request.ts';

const maxToken = 8192;

export interface PageOwner {
  readonly client: string;
  /** The store; the empty text for our own schema. */
  readonly store: string;
}

export function makePageToken(sealer: Sealer, owner: PageOwner, search: Search, cursor: string): string {
  return sealer.sealText(cursor, placeOf(owner, search));
}

/** Undefined for the first page. Throws `bad-request` for a token of another search or client, or of nobody. */
export function readPageToken(sealer: Sealer, owner: PageOwner, search: Search): string | undefined {
  const { token } = search;
  if (token === undefined) return undefined;
  if (token.length > maxToken) throw unknownToken();
  try {
    return sealer.openText(token, placeOf(owner, search));
  } catch (cause) {
    throw unknownToken(cause);
  }
}

function placeOf({ client, store }: PageOwner, { kind, about }: Search) {
  const asked = JSON.stringify([client, store, kind, about], (_name, value: unknown) =>
    typeof value === 'bigint' ? `${value}n` : value,
  );
  return { table: 'authzen', row: sha256(asked).toString('hex'), column: 'page' };
}

function unknownToken(cause?: unknown): PosternError {
  return malformed('page.token: does not belong to this search; start with its first page', cause);
}
