/** Where a gateway keeps the counters of the knocks that it took. */
import { join } from 'node:path';

export const knockMemoryIn = (dir: string): string => join(dir, 'knocks');
