/** Tells the controller which key signs `Postern-Identity` here, again for each generation, until it has been heard (P23). */
import { second } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import type { PublicJwk } from '#shared/contracts/common.ts';
import type { ControllerLink } from './controller-link.ts';

const retryMs = 2 * second;

export interface Publishing {
  publish(): void;
  stop(): void;
}

export function publishIdentityKey(parts: {
  readonly link: Pick<ControllerLink, 'client'>;
  readonly jwk: PublicJwk;
  readonly log: Log;
}): Publishing {
  const { link, jwk, log } = parts;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  const publish = () => {
    clearTimeout(timer);
    link.client.identityKey({ body: { jwk } }).catch((error: unknown) => {
      if (stopped) return;
      log.warn({ err: error }, 'the identity key could not be published; it is tried again');
      timer = setTimeout(publish, retryMs);
    });
  };
  return {
    publish,
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
