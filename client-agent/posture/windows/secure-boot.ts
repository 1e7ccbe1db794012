/** The registry says so to anyone; `Confirm-SecureBootUEFI` needs an administrator and is asked where the value is absent. */
import { type Probe, unknown, verdict } from '../probe.ts';
import { asFields, ask, type Script } from './powershell.ts';

const registry: Script = {
  name: 'Secure Boot',
  text: "@{on=(Get-ItemProperty 'HKLM:\\SYSTEM\\CurrentControlSet\\Control\\SecureBoot\\State').UEFISecureBootEnabled}|ConvertTo-Json -Compress",
};
const firmware: Script = { name: 'Secure Boot', text: '@{on=[int](Confirm-SecureBootUEFI)}|ConvertTo-Json -Compress' };

export const secureBoot: Probe<'secureBoot'> = {
  fact: 'secureBoot',
  os: 'windows',
  privilege: 'root',
  async run(host) {
    for (const script of [registry, firmware]) {
      const answer = await ask(host, script);
      const on = answer.ok ? parseSecureBootState(answer.value) : undefined;
      if (on !== undefined) return verdict<'secureBoot'>(on);
    }
    return unknown('Windows does not tell whether Secure Boot is on');
  },
};

export function parseSecureBootState(value: unknown): boolean | undefined {
  const on = asFields(value)?.['on'];
  return on === 1 ? true : on === 0 ? false : undefined;
}
