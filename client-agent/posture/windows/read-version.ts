import type { Host } from '../host.ts';
import { parseWindowsVersion, type WindowsVersion } from './parse-version.ts';
import { ask, type Script } from './powershell.ts';

const script: Script = {
  name: 'the version',
  text: "Get-ItemProperty 'HKLM:\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion'|Select-Object CurrentMajorVersionNumber,CurrentMinorVersionNumber,CurrentBuildNumber,UBR,EditionID,InstallationType|ConvertTo-Json -Compress",
};

export async function readWindowsVersion(host: Host): Promise<WindowsVersion | undefined> {
  const answer = await ask(host, script);
  return answer.ok ? parseWindowsVersion(answer.value) : undefined;
}
