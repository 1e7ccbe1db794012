/** Windows: a rule of the Name Resolution Policy Table for each zone. Pure. Recorded, not yet tried on Windows. */
import { PosternError } from '#shared/base/errors.ts';
import type { Command, Plan, Wanted } from './plan.ts';

/** By it we know our rules again; rules of others for the same zone are left alone. */
const comment = (zone: string): string => `Postern ${zone}`;
const stop = "$ErrorActionPreference='Stop';";

/** Throws `invalid-config` for a server that such a rule cannot name. */
export function planNrpt({ zones, server }: Wanted): Plan {
  if (server.port !== 53) {
    const why =
      'Windows asks name servers at port 53 alone: set local.dns.port to 53 and local.dns.address to 127.0.0.53';
    throw new PosternError('invalid-config', why);
  }
  return {
    how: 'NRPT',
    steps: [
      ...zones.map((zone) => ({
        kind: 'run' as const,
        command: powershell(
          `Add-DnsClientNrptRule -Namespace '.${zone}','${zone}' -NameServers '${server.host}' -Comment '${comment(zone)}'`,
        ),
        undo: powershell(
          `Get-DnsClientNrptRule | Where-Object {$_.Comment -eq '${comment(zone)}'} | Remove-DnsClientNrptRule -Force`,
        ),
      })),
      { kind: 'run', command: powershell('Clear-DnsClientCache'), undo: powershell('Clear-DnsClientCache') },
    ],
    absent: [],
    conflict: powershell(
      `$n=@(${zones.flatMap((zone) => [`'.${zone}'`, `'${zone}'`]).join(',')});if(Get-DnsClientNrptRule | Where-Object {$_.Namespace | Where-Object {$n -contains $_}}){exit 0}else{exit 1}`,
    ),
  };
}

/** Nothing but checked zones and addresses is ever put into a script: no quote can be in them. */
const powershell = (script: string): Command => [
  'powershell',
  '-NoProfile',
  '-NonInteractive',
  '-Command',
  `${stop}${script}`,
];
