/**
 * When the screen of this user's desktop locks by itself. The settings belong to a user, so an agent that runs as another
 * one (root on a server, a service account) sees no desktop and says unknown.
 */
import { type Host, outputOf, readText } from '../host.ts';
import type { LockDelay, LockReading } from '../lock-reading.ts';
import { parseBoolean, parseKscreenlocker, parseProperties, parseUint } from './parse-lock-settings.ts';

const gnomeLike = {
  gnome: { saver: 'org.gnome.desktop.screensaver', session: 'org.gnome.desktop.session' },
  cinnamon: { saver: 'org.cinnamon.desktop.screensaver', session: 'org.cinnamon.desktop.session' },
} as const;

export async function readScreenLock(host: Host): Promise<LockReading> {
  const desktop = await findDesktop(host);
  if (desktop === undefined) return { known: false, detail: 'this user has no desktop session here' };
  const delay = await readDelay(host, desktop);
  if (delay === undefined)
    return { known: false, detail: `the lock settings of ${desktop || 'this desktop'} are not known` };
  return { known: true, delay, by: desktop };
}

/** The desktop's name in lower case; empty if there is one without a name. */
async function findDesktop(host: Host): Promise<string | undefined> {
  const named = host.env['XDG_CURRENT_DESKTOP'] ?? host.env['DESKTOP_SESSION'];
  if (named) return named.toLowerCase();
  const session = await graphicalSession(host);
  if (session !== undefined) return session.toLowerCase();
  return host.env['WAYLAND_DISPLAY'] || host.env['DISPLAY'] ? '' : undefined;
}

async function graphicalSession(host: Host): Promise<string | undefined> {
  if (host.uid === undefined) return undefined;
  const user = await outputOf(host, 'loginctl', ['show-user', String(host.uid), '--property=Display']);
  const id = parseProperties(user ?? '').get('Display') ?? '';
  if (!/^[A-Za-z0-9]{1,16}$/.test(id)) return undefined;
  const shown = await outputOf(host, 'loginctl', ['show-session', id, '--property=Type', '--property=Desktop']);
  const session = parseProperties(shown ?? '');
  return ['x11', 'wayland', 'mir'].includes(session.get('Type') ?? '') ? (session.get('Desktop') ?? '') : undefined;
}

async function readDelay(host: Host, desktop: string): Promise<LockDelay | undefined> {
  if (/gnome|unity|budgie|pantheon|ubuntu/.test(desktop)) return await gnomeDelay(host, gnomeLike.gnome);
  if (/cinnamon/.test(desktop)) return await gnomeDelay(host, gnomeLike.cinnamon);
  if (/kde|plasma/.test(desktop)) return await kdeDelay(host);
  if (/mate/.test(desktop)) return await mateDelay(host);
  if (/xfce/.test(desktop)) return await xfceDelay(host);
  return undefined;
}

async function gnomeDelay(host: Host, schema: { saver: string; session: string }): Promise<LockDelay | undefined> {
  const locks = parseBoolean(await outputOf(host, 'gsettings', ['get', schema.saver, 'lock-enabled']));
  const delay = parseUint(await outputOf(host, 'gsettings', ['get', schema.saver, 'lock-delay']));
  const idle = parseUint(await outputOf(host, 'gsettings', ['get', schema.session, 'idle-delay']));
  if (locks === undefined || delay === undefined || idle === undefined) return undefined;
  // Zero means that the session never becomes idle.
  return locks && idle > 0 ? idle + delay : 'never';
}

async function mateDelay(host: Host): Promise<LockDelay | undefined> {
  const saver = 'org.mate.screensaver';
  const locks = parseBoolean(await outputOf(host, 'gsettings', ['get', saver, 'lock-enabled']));
  const starts = parseBoolean(await outputOf(host, 'gsettings', ['get', saver, 'idle-activation-enabled']));
  const delay = parseUint(await outputOf(host, 'gsettings', ['get', saver, 'lock-delay']));
  const idle = parseUint(await outputOf(host, 'gsettings', ['get', 'org.mate.session', 'idle-delay']));
  if (locks === undefined || starts === undefined || delay === undefined || idle === undefined) return undefined;
  // Both in minutes.
  return locks && starts && idle > 0 ? (idle + delay) * 60 : 'never';
}

async function kdeDelay(host: Host): Promise<LockDelay | undefined> {
  const home = host.env['HOME'];
  if (home === undefined) return undefined;
  const read = await host.readFile(`${home}/.config/kscreenlockerrc`);
  if (read.ok) return parseKscreenlocker(read.value.toString('utf8'));
  // Without the file KDE's defaults hold, unless an administrator has set others for all.
  if (read.why !== 'missing') return undefined;
  return parseKscreenlocker((await readText(host, '/etc/xdg/kscreenlockerrc')) ?? '');
}

async function xfceDelay(host: Host): Promise<LockDelay | undefined> {
  const get = async (name: string) =>
    await outputOf(host, 'xfconf-query', ['--channel', 'xfce4-screensaver', '--property', name]);
  const saver = parseBoolean(await get('/saver/enabled'));
  const locks = parseBoolean(await get('/lock/enabled'));
  const minutes = parseUint(await get('/saver/idle-activation/delay'));
  if (saver === undefined || locks === undefined || minutes === undefined) return undefined;
  const grace = parseUint(await get('/lock/saver-activation/delay')) ?? 0;
  return saver && locks && minutes > 0 ? (minutes + grace) * 60 : 'never';
}
