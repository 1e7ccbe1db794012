import { type Probe, unknown, verdict } from '../probe.ts';
import { isRunning, listProcesses } from '../processes.ts';
import { protectionProducts } from '../protection-products.ts';
import { parseDefender, parseSecurityCenter } from './parse-security-center.ts';
import { ask, type Script } from './powershell.ts';

const centre: Script = {
  name: 'the security centre',
  text: '$p=@(Get-CimInstance -Namespace root/SecurityCenter2 -ClassName AntiVirusProduct|Select-Object displayName,productState);@{products=$p}|ConvertTo-Json -Depth 3 -Compress',
};
const defender: Script = {
  name: 'Microsoft Defender',
  text: 'Get-MpComputerStatus|Select-Object RealTimeProtectionEnabled,AntivirusSignatureAge|ConvertTo-Json -Compress',
};

export const antivirusOn: Probe<'antivirusOn'> = {
  fact: 'antivirusOn',
  os: 'windows',
  privilege: 'none',
  async run(host) {
    const registered = await ask(host, centre);
    const found = registered.ok ? parseSecurityCenter(registered.value) : undefined;
    if (found?.on) return verdict<'antivirusOn'>(true, found.product);
    const status = await ask(host, defender);
    const builtIn = status.ok ? parseDefender(status.value) : undefined;
    if (builtIn) return verdict<'antivirusOn'>(true, 'Microsoft Defender');
    const names = await listProcesses(host);
    const running = Object.entries(protectionProducts.windows).find(([name]) => names && isRunning(host, names, name));
    if (running !== undefined) return verdict<'antivirusOn'>(true, running[1]);
    if (found === undefined && builtIn === undefined) return unknown('Windows does not tell what protects it');
    return verdict<'antivirusOn'>(false, 'no protection is on and up to date');
  },
};
