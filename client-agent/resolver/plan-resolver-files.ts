/** macOS: one file a zone in `/etc/resolver` (resolver(5)). Pure. Recorded, not yet tried on a Mac. */
import type { Plan, Wanted } from './plan.ts';

export function planResolverFiles({ zones, server }: Wanted): Plan {
  const text = `# Written by "postern dns install", removed by "postern dns uninstall".\nnameserver ${server.host}\nport ${server.port}\ntimeout 2\n`;
  const paths = zones.map((zone) => `/etc/resolver/${zone}`);
  return {
    how: '/etc/resolver',
    steps: [
      ...paths.map((path) => ({ kind: 'file' as const, path, text })),
      // What it still remembers of the zone from before; also on the way back.
      { kind: 'run', command: ['dscacheutil', '-flushcache'], undo: ['dscacheutil', '-flushcache'] },
    ],
    absent: paths,
  };
}
