/** The settings of desktops about locking. Seconds; undefined for what is not understood. */
import type { LockDelay } from '../lock-reading.ts';

/** `gsettings get` of a boolean. */
export function parseBoolean(output: string | undefined): boolean | undefined {
  const text = output?.trim();
  return text === 'true' ? true : text === 'false' ? false : undefined;
}

/** `gsettings get` of a number: `uint32 300`, `300`. */
export function parseUint(output: string | undefined): number | undefined {
  const digits = /^(?:uint32 )?(\d{1,9})$/.exec(output?.trim() ?? '')?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** KDE's ~/.config/kscreenlockerrc, section [Daemon]: minutes, with KDE's own defaults for what is absent. */
export function parseKscreenlocker(text: string): LockDelay | undefined {
  let section = '';
  const daemon = new Map<string, string>();
  for (const raw of text.split('\n')) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const head = /^\[([^\]]*)\](?:\[.*\])?$/.exec(line);
    // A key may carry the mark of an administrator: `Autolock[$i]=true`.
    const entry = /^([^=[\]]+?)(?:\[\$\w+\])?=(.*)$/.exec(line);
    if (head) section = head[1]!;
    else if (!entry) return undefined;
    else if (section === 'Daemon') daemon.set(entry[1]!.trim(), entry[2]!.trim());
  }
  const autolock = parseBoolean(daemon.get('Autolock') ?? 'true');
  const minutes = parseUint(daemon.get('Timeout') ?? '5');
  const grace = parseUint(daemon.get('LockGrace') ?? '5');
  if (autolock === undefined || minutes === undefined || grace === undefined) return undefined;
  return autolock && minutes > 0 ? minutes * 60 + grace : 'never';
}

/** `loginctl show-*` and `busctl`-like `Name=value` lines. */
export function parseProperties(output: string): ReadonlyMap<string, string> {
  const properties = new Map<string, string>();
  for (const line of output.split('\n')) {
    const cut = line.indexOf('=');
    if (cut > 0) properties.set(line.slice(0, cut).trim(), line.slice(cut + 1).trim());
  }
  return properties;
}
