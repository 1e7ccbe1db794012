/** What the tests of full and read-only disks ask of a triangle, again and again. */
import { untilItWorks } from '../../deploy/quickstart/clients.ts';
import { type AppAnswer, askThroughAgent } from '../../deploy/quickstart/journey/through-agent.ts';
import type { SteeredTriangle } from './steered-triangle.ts';

type Person = 'emil' | 'olivia';

export function diskAsks({ admin, portalPort }: SteeredTriangle, since: number) {
  const ask = (person: Person, app: string, path: string): Promise<AppAnswer> =>
    askThroughAgent({ port: portalPort(person), app, path });
  return {
    ask,

    /** Until an answer has this code; `ok` for a 200. */
    until: (want: string, person: Person, app: string, path: string): Promise<void> =>
      untilItWorks(async () => {
        const { status, text } = await ask(person, app, path);
        const code = status === 200 ? 'ok' : (JSON.parse(text) as { code: string }).code;
        if (code !== want) throw new Error(`${status} ${text}`);
      }, 30_000),

    /** Everything that was let in is in the log once, with its end. */
    allAreTold: (atLeast: number): Promise<void> =>
      untilItWorks(async () => {
        const { records } = await admin.records({ query: { kind: 'access', from: since, limit: 1000 } });
        const openings = records.filter(({ phase }) => phase === 'opening').map(({ id }) => id);
        const ends = records
          .filter(({ phase }) => phase === 'closing' || phase === 'interrupted')
          .map(({ opening }) => opening ?? '');
        if (openings.length < atLeast || openings.sort().join() !== ends.sort().join())
          throw new Error(`${openings.length} openings, ${ends.length} ends`);
      }, 30_000),

    /** Until the log has so many records of an event, or more. */
    untilTold: (kind: string, event: string, count = 1): Promise<void> =>
      untilItWorks(async () => {
        const { records } = await admin.records({ query: { kind, event, from: since, limit: 1000 } });
        if (records.length < count) throw new Error(`${records.length} of ${kind} ${event}`);
      }, 30_000),
  };
}
