/**
 * Whether a journal says what a plan of ours says. Root takes back what stands in it, and on Windows whoever comes first may make its
 * directory: a planted one must not have its own commands run or other files removed.
 */
import { isIP } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import type { ChangeJournal } from './change-journal.ts';
import type { Plan, Wanted } from './plan.ts';
import { planNrpt } from './plan-nrpt.ts';
import { planResolved } from './plan-resolved.ts';
import { planResolverFiles } from './plan-resolver-files.ts';

export function isOurJournal({ how, zones, server, steps }: ChangeJournal): boolean {
  return plansFor({ zones, server }).some((plan) => plan.how === how && isDeepStrictEqual(asStored(plan), steps));
}

/** The address goes into a script: nothing else may. */
function plansFor(wanted: Wanted): Plan[] {
  if (isIP(wanted.server.host) === 0) return [];
  const plans = [planResolved(wanted, 'dummy'), planResolved(wanted, 'veth'), planResolverFiles(wanted)];
  return wanted.server.port === 53 ? [...plans, planNrpt(wanted)] : plans;
}

const asStored = ({ steps }: Plan): unknown => JSON.parse(JSON.stringify(steps));
