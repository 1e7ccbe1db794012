/** `postern open [app]`: lets the browser in by a file of 0600 that posts a one-time token (P30); never by an address. */
import { spawn } from 'node:child_process';
import type { CliCall } from '#shared/base/cli.ts';
import { PosternError } from '#shared/base/errors.ts';
import type { Control } from '../control/open-control.ts';
import { requireApp } from './no-such-app.ts';
import { placeOf, withAgent } from './with-agent.ts';
import { answer } from './words.ts';

export async function openApp(call: CliCall): Promise<void> {
  const [app] = call.args;
  const link = await withAgent(call, async (control) => {
    if (app !== undefined) await refuseTcp(control, app, await placeOf(call));
    return await control.calls.openLink({ body: app === undefined ? {} : { app } });
  });
  const opened = call.values['print'] !== true && (await openFile(link.file));
  answer(call, { ...link, opened }, () => {
    if (opened) call.io.err(`Opening ${link.url}`);
    else {
      call.io.err(`Open this file in your browser within 30 seconds; it leads to ${link.url}`);
      call.io.out(link.file);
    }
  });
}

async function refuseTcp(control: Control, app: string, place: string): Promise<void> {
  if ((await requireApp(control, app, place)) === 'http') return;
  throw new PosternError('bad-request', `${app} is not for browsers. Run: postern connect ${app}${place}`);
}

/** False where no browser can be started: a server, a container, a session over ssh. */
async function openFile(file: string): Promise<boolean> {
  const opener = openerOf(process.platform);
  if (opener === undefined) return false;
  const [command, ...args] = opener;
  return await new Promise((resolve) => {
    const child = spawn(command!, [...args, file], { stdio: 'ignore', detached: true });
    child.once('error', () => resolve(false));
    child.once('exit', (code) => resolve(code === 0));
    // An opener that stays is the browser itself.
    setTimeout(() => resolve(child.exitCode === null && child.signalCode === null), 3000).unref();
    child.unref();
  });
}

function openerOf(platform: NodeJS.Platform): readonly string[] | undefined {
  if (platform === 'darwin') return ['open'];
  if (platform === 'win32') return ['cmd', '/c', 'start', ''];
  const { DISPLAY, WAYLAND_DISPLAY, BROWSER } = process.env;
  return DISPLAY || WAYLAND_DISPLAY || BROWSER ? ['xdg-open'] : undefined;
}
