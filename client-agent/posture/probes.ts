/** Every probe: one fact, one operating system, one row, in the order of the facts. */
import { antivirusOn as linuxAntivirusOn } from './linux/antivirus-on.ts';
import { diskEncrypted as linuxDiskEncrypted } from './linux/disk-encryption.ts';
import { firewallOn as linuxFirewallOn } from './linux/firewall.ts';
import { osMajor as linuxOsMajor } from './linux/os-major.ts';
import { osSupported as linuxOsSupported } from './linux/os-supported.ts';
import { osUpdated as linuxOsUpdated } from './linux/os-updated.ts';
import { osVersion as linuxOsVersion } from './linux/os-version.ts';
import { patchAgeDays as linuxPatchAgeDays } from './linux/patch-age-days.ts';
import { screenLock as linuxScreenLock } from './linux/screen-lock.ts';
import { screenLockSeconds as linuxScreenLockSeconds } from './linux/screen-lock-seconds.ts';
import { secureBoot as linuxSecureBoot } from './linux/secure-boot.ts';
import { antivirusOn as macosAntivirusOn } from './macos/antivirus-on.ts';
import { diskEncrypted as macosDiskEncrypted } from './macos/disk-encryption.ts';
import { firewallOn as macosFirewallOn } from './macos/firewall.ts';
import { osMajor as macosOsMajor } from './macos/os-major.ts';
import { osSupported as macosOsSupported } from './macos/os-supported.ts';
import { osUpdated as macosOsUpdated } from './macos/os-updated.ts';
import { osVersion as macosOsVersion } from './macos/os-version.ts';
import { patchAgeDays as macosPatchAgeDays } from './macos/patch-age-days.ts';
import { screenLock as macosScreenLock } from './macos/screen-lock.ts';
import { screenLockSeconds as macosScreenLockSeconds } from './macos/screen-lock-seconds.ts';
import { secureBoot as macosSecureBoot } from './macos/secure-boot.ts';
import { osProbes } from './os.ts';
import type { Probe } from './probe.ts';
import { antivirusOn as windowsAntivirusOn } from './windows/antivirus-on.ts';
import { diskEncrypted as windowsDiskEncrypted } from './windows/disk-encryption.ts';
import { firewallOn as windowsFirewallOn } from './windows/firewall.ts';
import { osMajor as windowsOsMajor } from './windows/os-major.ts';
import { osSupported as windowsOsSupported } from './windows/os-supported.ts';
import { osUpdated as windowsOsUpdated } from './windows/os-updated.ts';
import { osVersion as windowsOsVersion } from './windows/os-version.ts';
import { patchAgeDays as windowsPatchAgeDays } from './windows/patch-age-days.ts';
import { screenLock as windowsScreenLock } from './windows/screen-lock.ts';
import { screenLockSeconds as windowsScreenLockSeconds } from './windows/screen-lock-seconds.ts';
import { secureBoot as windowsSecureBoot } from './windows/secure-boot.ts';

export const probes: readonly Probe[] = [
  ...osProbes,
  linuxDiskEncrypted,
  macosDiskEncrypted,
  windowsDiskEncrypted,
  linuxFirewallOn,
  macosFirewallOn,
  windowsFirewallOn,
  linuxScreenLock,
  macosScreenLock,
  windowsScreenLock,
  linuxScreenLockSeconds,
  macosScreenLockSeconds,
  windowsScreenLockSeconds,
  linuxSecureBoot,
  macosSecureBoot,
  windowsSecureBoot,
  linuxAntivirusOn,
  macosAntivirusOn,
  windowsAntivirusOn,
  linuxOsUpdated,
  macosOsUpdated,
  windowsOsUpdated,
  linuxOsSupported,
  macosOsSupported,
  windowsOsSupported,
  linuxPatchAgeDays,
  macosPatchAgeDays,
  windowsPatchAgeDays,
  linuxOsMajor,
  macosOsMajor,
  windowsOsMajor,
  linuxOsVersion,
  macosOsVersion,
  windowsOsVersion,
];
