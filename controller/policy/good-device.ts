/** The posture of a device that is good in every respect, known in this moment. */
import { hour } from '#shared/base/clock.ts';
import { postureFacts } from '#shared/contracts/posture.ts';
import type { Facts, PostureFact } from './facts.ts';

/** `os`: as it is, since nobody can better it. */
export function bestPosture(at: number, os: PostureFact['value'] | undefined): Facts['device']['posture'] {
  return Object.fromEntries(
    Object.entries(postureFacts).map(([name, shape]) => [name, goodFact(bestOf(name, shape, os), at)]),
  );
}

export const goodFact = (value: PostureFact['value'], at: number): PostureFact => ({
  value,
  status: 'pass',
  source: 'self',
  measuredAt: at,
  goodUntil: at + hour,
});

/** Of numbers the good end is the other one than the worst. */
function bestOf(
  name: string,
  { kind, worst }: { readonly kind: string; readonly worst: unknown },
  os: PostureFact['value'] | undefined,
): PostureFact['value'] {
  if (kind === 'boolean') return true;
  if (kind === 'number') return worst === 0 ? 1_000_000 : 0;
  return name === 'os' ? (os ?? 'linux') : '';
}
