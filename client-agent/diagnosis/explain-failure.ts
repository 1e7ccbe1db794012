/** A failure to reach the controller, told by the leg that failed instead of by a code. */
import { asPosternError, PosternError } from '#shared/base/errors.ts';
import type { Diagnosis } from './judge.ts';
import type { Trouble } from './legs.ts';

/** Runs `act`; where it does not reach the controller, its failure says which leg it was. Adds the time of one diagnosis, and only then. */
export async function explained<T>(look: () => Promise<Diagnosis>, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (thrown) {
    const error = asPosternError(thrown);
    if (error.code !== 'unreachable' && error.code !== 'peer-refused') throw error;
    const { trouble } = await look();
    throw trouble === undefined ? error : withTrouble(error, trouble);
  }
}

export function withTrouble({ code, message, extra, cause }: PosternError, trouble: Trouble): PosternError {
  const { leg, says, fix } = trouble;
  const tell = fix === undefined ? says : `${says} ${fix}`;
  return new PosternError(code, `${message} (${leg}: ${says})`, { tell, extra: { ...extra, leg }, cause });
}

/** The same for each call of a client. */
export function explainedCalls<C extends object>(look: () => Promise<Diagnosis>, calls: C): C {
  const all = Object.entries(calls as Record<string, (input?: unknown) => Promise<unknown>>).map(([name, call]) => [
    name,
    (input?: unknown) => explained(look, () => call(input)),
  ]);
  return Object.fromEntries(all) as C;
}
