/** Tries apps when the controller asks, beside everything else, and says what was found. */
import { asPosternError } from '#shared/base/errors.ts';
import type { Log } from '#shared/base/log.ts';
import type { App } from '#shared/contracts/app.ts';
import type { GatewayFinding } from '#shared/contracts/app-check.ts';
import type { CheckOrder } from '#shared/contracts/gateway-to-controller.ts';
import type { AppCredentials } from '../keystore/app-credentials.ts';
import { checkApp } from '../to-apps/check-app.ts';
import type { ControllerLink } from './controller-link.ts';

export interface CheckParts {
  readonly link: Pick<ControllerLink, 'client'>;
  readonly log: Log;
  /** As it is in force here. */
  readonly app: (id: string) => App | undefined;
  readonly credential: AppCredentials;
}

/** At the same time. */
const maxChecks = 4;

export function answerChecks({ link, log, app: find, credential }: CheckParts): (order: CheckOrder) => void {
  let running = 0;
  const findOut = async (id: string): Promise<GatewayFinding> => {
    const app = find(id);
    if (app === undefined) return nothing('this gateway does not know the app (yet): try again in a moment');
    if (running >= maxChecks) return nothing('this gateway is busy with other checks: try again in a moment');
    running += 1;
    try {
      return await checkApp(app, credential);
    } catch (error) {
      log.error({ err: error, app: id }, 'a check of an app failed by itself');
      return nothing('the check itself failed: the log of this gateway says why');
    } finally {
      running -= 1;
    }
  };
  return ({ id, app }) => {
    findOut(app)
      .then((finding) => link.client.checked({ body: { id, finding } }))
      .catch((error: unknown) => log.warn({ problem: asPosternError(error).code, app }, 'a check could not be told'));
  };
}

function nothing(told: string): GatewayFinding {
  return { steps: [{ step: 'app', result: 'fail', told }], addresses: [] };
}
