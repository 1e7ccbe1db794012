/** Tells the controller that a cut is in force which it could not keep. Once: it only waits for a moment, and whoever asks again is told again. */
import type { Log } from '#shared/base/log.ts';
import type { ControllerLink } from './controller-link.ts';

export function confirmCut(
  link: { readonly client: Pick<ControllerLink['client'], 'cutDone'> },
  log: Log,
): (id: string, streams: number) => void {
  return (id, streams) => {
    link.client
      .cutDone({ body: { id, streams } })
      .catch((error: unknown) => log.warn({ err: error, cut: id }, 'a cut could not be confirmed'));
  };
}
