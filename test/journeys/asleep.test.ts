/** Laptops that were away: 72 hours, and too long. The clock is faked by libfaketime for every process of the triangle. */
import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';
import { clockFileOf, fakedClock, findFaketime } from '../support/faked-clock.ts';

const library = findFaketime();
/** Days enough for both absences, before today. */
const begins = -24 * 40;
const inner = join(import.meta.dirname, '../support/asleep-under-faketime.ts');

if (library === undefined) t.test('laptops that were away', { skip: 'faketime is not installed' }, async () => {});
else {
  const clock = fakedClock(library, begins);
  t.teardown(() => rmSync(dirname(clockFileOf(clock)), { recursive: true }));
  t.spawn(process.execPath, [inner], { env: { ...process.env, ...clock } }, 'under libfaketime');
}
