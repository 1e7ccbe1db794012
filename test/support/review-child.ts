/**
 * One of several controllers on one store, as far as a review goes: does what it was told to each row, one after the other, and tells what came of it.
 * Arguments: the database; what to do: `keep`, `revoke` (as the reviewer bob) or `close-keep`, `close-revoke`; how many rows.
 */
import { createInterface } from 'node:readline';
import { closeReview } from '../../controller/reviews/close-review.ts';
import { decideOnRecord } from '../../controller/reviews/decide-on-record.ts';
import { openStore } from '../../controller/store/open-store.ts';
import { asPosternError } from '../../shared/base/errors.ts';

const [, , file = '', what = '', count = ''] = process.argv;
const { db } = await openStore(file);
const by = { actor: what.startsWith('close') ? what : 'bob', trace: 'a'.repeat(32), because: what };
const review = 'races';
const told = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'done',
    (error: unknown) => {
      const { code, message } = asPosternError(error);
      return code === 'conflict' ? code : `${code}: ${message}`;
    },
  );

const input = createInterface({ input: process.stdin });
// Ends by itself when its parent is gone.
input.on('close', () => process.exit(0));
input.once('line', async () => {
  const outcomes: string[] = [];
  if (what.startsWith('close')) {
    const undecided = what === 'close-keep' ? 'keep' : 'revoke';
    outcomes.push(await told(closeReview(db, () => 2, { review, undecided, person: undefined, by })));
  } else
    for (let row = 1; row <= Number(count); row += 1) {
      const order = { review, decision: what as 'keep', rows: [row], reviewer: 'bob', by };
      outcomes.push(await told(decideOnRecord(db, 2, order, { conflict: 'decided-before' })));
    }
  process.stdout.write(`${JSON.stringify(outcomes)}\n`);
});
process.stdout.write('"ready"\n');
