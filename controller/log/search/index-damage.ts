/** What is wrong with the file of the index itself: it is made anew then. Nothing in it is known by it alone. */

export class IndexDamaged extends Error {
  override readonly name = 'IndexDamaged';
}

/** Primary result codes (sqlite.org/rescode.html): ERROR (a table is not there), CORRUPT, CONSTRAINT, MISMATCH, NOTADB. A full or failing disk is none of them. */
const damage = new Set([1, 11, 19, 20, 26]);

export function isDamage(error: unknown): boolean {
  if (error instanceof IndexDamaged) return true;
  const { code, errcode } = error as { readonly code?: unknown; readonly errcode?: unknown };
  return code === 'ERR_SQLITE_ERROR' && typeof errcode === 'number' && damage.has(errcode & 0xff);
}

/** Throws `IndexDamaged` where the file is to blame. */
export function orDamaged<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof IndexDamaged || !isDamage(error)) throw error;
    throw new IndexDamaged(`it cannot be read: ${(error as Error).message}`, { cause: error });
  }
}
