/** /proc/self/mountinfo, proc(5): `27 1 254:0 / / rw shared:1 - ext4 /dev/vda rw`. */
export interface Mount {
  /** `major:minor`; major 0 for file systems without one device of their own (btrfs, zfs, overlay). */
  readonly device: string;
  readonly mountPoint: string;
  readonly type: string;
  readonly source: string;
}

/** By mount point; a later mount covers an earlier one. Undefined if any line is not understood. */
export function parseMountinfo(text: string): ReadonlyMap<string, Mount> | undefined {
  const mounts = new Map<string, Mount>();
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue;
    const match = /^\d+ \d+ (\d+:\d+) \S+ (\S+) \S+(?: \S+)*? - (\S+) (\S+)(?: \S*)?$/.exec(line.trim());
    if (!match) return undefined;
    const mountPoint = unquoteOctal(match[2]!);
    mounts.set(mountPoint, { device: match[1]!, mountPoint, type: match[3]!, source: unquoteOctal(match[4]!) });
  }
  return mounts.has('/') ? mounts : undefined;
}

/** Space, tab, newline and backslash are written in octal. */
function unquoteOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
