/** The three semantics of a batch: all; until the first deny, like `&&`; until the first permit, like `||`. */
import { PosternError } from '#shared/base/errors.ts';
import { type Decided, type DecisionPoint, denyForFault } from './decision-point.ts';
import type { Evaluations } from './read-request.ts';

/** In the order of the items; ends with the one that decided, when the semantic says so. A failure is a deny. */
export async function evaluateMany(point: DecisionPoint, { semantic, items }: Evaluations): Promise<Decided[]> {
  const decided: Decided[] = [];
  for (const item of items) {
    const one = item instanceof PosternError ? denyForFault(item.message) : await point.evaluate(item);
    decided.push(one);
    if (semantic === 'deny_on_first_deny' && !one.decision) break;
    if (semantic === 'permit_on_first_permit' && one.decision) break;
  }
  return decided;
}
