/** The system's unit that runs `postern dns hold`, and what must hold before root may run this clone by itself. */
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { PosternError } from '#shared/base/errors.ts';
import type { Wanted } from './plan.ts';
import type { System } from './system.ts';

export const unitName = 'postern-dns.service';
const unitPath = `etc/systemd/system/${unitName}`;
const mark = '# Written by "postern dns install", removed by "postern dns uninstall".';

export interface UnitParts extends Wanted {
  readonly node: string;
  readonly main: string;
  /** Whose agent is asked. */
  readonly uid: number;
}

export function unitText({ node, main, zones, server, uid }: UnitParts): string {
  const run = `${node} ${main} dns`;
  const words = [...zones.map((zone) => `--zone ${zone}`), `--server ${server.host}:${server.port}`, `--uid ${uid}`];
  return `${mark}
[Unit]
Description=Postern: the resolver asks the agent for its zones while the agent runs
After=systemd-resolved.service network.target
Wants=systemd-resolved.service
StartLimitIntervalSec=0

[Service]
ExecStart=${run} hold ${words.join(' ')}
# Also after a crash of it: what was changed is taken back.
ExecStopPost=${run} restore
Restart=always
RestartSec=5
Environment=NODE_ENV=production
UMask=0022
ProtectSystem=strict
RuntimeDirectory=postern-dns
RuntimeDirectoryMode=0755
RuntimeDirectoryPreserve=yes
ProtectHome=read-only
PrivateTmp=yes
NoNewPrivileges=yes
RestrictSUIDSGID=yes
LockPersonality=yes
CapabilityBoundingSet=CAP_NET_ADMIN CAP_DAC_READ_SEARCH
SystemCallArchitectures=native

[Install]
WantedBy=multi-user.target
`;
}

/** Throws `conflict` for a unit of that name that is not ours, `internal` when systemd does not take it. */
export async function installUnit(system: System, parts: UnitParts): Promise<void> {
  const path = join(system.root, unitPath);
  if (existsSync(path) && !isOurs(path)) throw new PosternError('conflict', `${path} is there and is not Postern's`);
  writeFileSync(path, unitText(parts), { mode: 0o644 });
  for (const words of [['daemon-reload'], ['enable', unitName], ['restart', unitName]]) {
    const { code, said } = await system.run(['systemctl', ...words]);
    if (code === 0) continue;
    await removeUnit(system);
    throw new PosternError('internal', `"systemctl ${words.join(' ')}" failed: ${said}`);
  }
}

/** False when there is none of ours. */
export async function removeUnit(system: System): Promise<boolean> {
  const path = join(system.root, unitPath);
  if (!existsSync(path) || !isOurs(path)) return false;
  await system.run(['systemctl', 'disable', '--now', unitName]);
  rmSync(path, { force: true });
  await system.run(['systemctl', 'daemon-reload']);
  return true;
}

const isOurs = (path: string): boolean => readFileSync(path, 'utf8').startsWith(mark);

/**
 * Root must not run by itself what somebody else can change. Throws `invalid-config` naming the first place that others can write to,
 * from the root of the file system to the file.
 */
export function requireRootOnly(file: string): void {
  for (let path = file; ; path = dirname(path)) {
    const { uid, mode } = statSync(path);
    if (uid !== 0 || (mode & 0o022) !== 0) {
      const why = `${path} can be changed by others than root, and the system would run it as root: clone to a place of root's, like /opt/postern`;
      throw new PosternError('invalid-config', why);
    }
    if (path === dirname(path)) return;
  }
}
