/**
 * What the Windows Update Agent already knows, without going to the network: updates of the security and critical classes
 * (by the ids of the classes, whose names are translated), each with the day Microsoft released it.
 */
import type { Host } from '../host.ts';
import { judgeWaiting, type Pending } from '../update-age.ts';
import { parseWindowsUpdates } from './parse-updates.ts';
import { ask, type Script } from './powershell.ts';

const script: Script = {
  name: 'updates',
  text: "$f='yyyy-MM-ddTHH:mm:ssZ';$a=(New-Object -ComObject Microsoft.Update.AutoUpdate).Results.LastSearchSuccessDate;$s=(New-Object -ComObject Microsoft.Update.Session).CreateUpdateSearcher();$s.Online=$false;$c='0fa1201d-4330-4fa8-8ae9-b877473b6441','e6cf1350-c01b-414d-a61f-263d14d133b4';$u=@($s.Search(\"IsInstalled=0 and IsHidden=0 and Type='Software'\").Updates|Where-Object{@($_.Categories|Where-Object{$c -contains $_.CategoryID}).Count -gt 0}|ForEach-Object{@{id=$_.Identity.UpdateID;released=$_.LastDeploymentChangeTime.ToString($f)}});@{searched=$a.ToString($f);updates=$u}|ConvertTo-Json -Depth 3 -Compress",
};

export async function readPending(host: Host): Promise<Pending> {
  const answer = await ask(host, script);
  if (!answer.ok) return { known: false, detail: answer.detail };
  const found = parseWindowsUpdates(answer.value);
  if (found === undefined) return { known: false, detail: 'the list of updates is not understood' };
  return judgeWaiting(found.waiting, { now: host.now(), listDate: found.searched, seen: new Map() });
}
