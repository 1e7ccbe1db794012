import type { Host } from '../host.ts';
import type { LockReading } from '../lock-reading.ts';
import { parseLockValues } from './parse-screen-lock.ts';
import { ask, type Script } from './powershell.ts';

const script: Script = {
  name: 'the screen lock',
  text: "function R($p,$n){$o=@{};foreach($k in $n){$i=Get-ItemProperty -Path $p -Name $k -ErrorAction SilentlyContinue;if($null -ne $i){$o[$k]=$i.$k}};$o};$s='ScreenSaveActive','ScreenSaverIsSecure','ScreenSaveTimeOut';@{machine=R 'HKLM:\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Policies\\System' @('InactivityTimeoutSecs');policy=R 'HKCU:\\Software\\Policies\\Microsoft\\Windows\\Control Panel\\Desktop' $s;user=R 'HKCU:\\Control Panel\\Desktop' $s}|ConvertTo-Json -Depth 3 -Compress",
};

export async function readScreenLock(host: Host): Promise<LockReading> {
  const answer = await ask(host, script);
  if (!answer.ok) return { known: false, detail: answer.detail };
  const delay = parseLockValues(answer.value);
  return delay === undefined
    ? { known: false, detail: 'the values about the screen lock are not understood' }
    : { known: true, delay, by: 'Windows' };
}
