import { type Probe, unknown, verdict } from '../probe.ts';
import { parseBitlocker, parseShellProtection } from './parse-bitlocker.ts';
import { ask, type Script } from './powershell.ts';

const volumes: Script = {
  name: 'BitLocker',
  text: "$v=@(Get-BitLockerVolume|Where-Object{$_.VolumeType -eq 'OperatingSystem'}|Select-Object MountPoint,@{n='ProtectionStatus';e={[int]$_.ProtectionStatus}},@{n='EncryptionPercentage';e={[double]$_.EncryptionPercentage}});@{volumes=$v}|ConvertTo-Json -Depth 3 -Compress",
};
const shell: Script = {
  name: 'device encryption',
  text: "$p=(New-Object -ComObject Shell.Application).NameSpace($env:SystemDrive).Self.ExtendedProperty('System.Volume.BitLockerProtection');@{protection=$p}|ConvertTo-Json -Compress",
};

export const diskEncrypted: Probe<'diskEncrypted'> = {
  fact: 'diskEncrypted',
  os: 'windows',
  privilege: 'root',
  async run(host) {
    const exact = await ask(host, volumes);
    const on = exact.ok ? parseBitlocker(exact.value) : undefined;
    if (on !== undefined) return verdict<'diskEncrypted'>(on, 'BitLocker');
    const rough = await ask(host, shell);
    const shown = rough.ok ? parseShellProtection(rough.value) : undefined;
    if (shown !== undefined) return verdict<'diskEncrypted'>(shown, 'as Explorer shows it');
    return unknown(rough.ok ? 'the state of BitLocker is not understood' : rough.detail);
  },
};
