/** An app as the portal and the command line show it: with the way to use it from here. */
import type { AppListed } from '#shared/contracts/agent-to-controller.ts';
import { localOrigin } from '../from-apps/local-names.ts';

export type AppView = AppListed & {
  /** HTTP apps: `http://<app>.localhost:<port>/` (P29). */
  readonly link?: string;
  /** TCP apps: what to paste into a terminal. */
  readonly command?: string;
};

/** `place`: from `placeArguments`, so that a command finds this agent again. */
export function viewApp(app: AppListed, port: number, place = ''): AppView {
  if (app.kind === 'http') return { ...app, link: `${localOrigin(app.id, port)}/` };
  return { ...app, command: connectCommand(app, place) };
}

const sshPort = 22;

function connectCommand({ id, port, hosts }: AppListed, place: string): string {
  // ssh reads the host's key under the app's own name, so that it stays the same behind every local port.
  return port === sshPort
    ? `ssh -o ProxyCommand="postern ssh-proxy ${id}${place}" ${hosts[0] ?? id}`
    : `postern connect ${id}${place}`;
}
