/** Every parser of text with the recordings it is held to: `[parser, file, what it must say]`. */
import { parseAllowList } from '../../../client-agent/posture/allow-list.ts';
import { parseFactsFile } from '../../../client-agent/posture/facts-file.ts';
import { parseAptUpgrade } from '../../../client-agent/posture/linux/parse-apt.ts';
import { parseDnfUpdates } from '../../../client-agent/posture/linux/parse-dnf.ts';
import { parseIptablesSave } from '../../../client-agent/posture/linux/parse-iptables.ts';
import { parseKscreenlocker, parseUint } from '../../../client-agent/posture/linux/parse-lock-settings.ts';
import { parseMountinfo } from '../../../client-agent/posture/linux/parse-mountinfo.ts';
import { parseNftRuleset } from '../../../client-agent/posture/linux/parse-nft.ts';
import { parseOsRelease } from '../../../client-agent/posture/linux/parse-os-release.ts';
import { parseSpctl } from '../../../client-agent/posture/macos/antivirus-on.ts';
import { parseAlf } from '../../../client-agent/posture/macos/parse-alf.ts';
import { parseFdesetup } from '../../../client-agent/posture/macos/parse-fdesetup.ts';
import * as macLock from '../../../client-agent/posture/macos/parse-screen-lock.ts';
import { parseBootPolicy, parseCsrutil } from '../../../client-agent/posture/macos/parse-secure-boot.ts';
import * as macUpdate from '../../../client-agent/posture/macos/parse-software-update.ts';
import { parseMacVersion } from '../../../client-agent/posture/macos/parse-version.ts';
import { parsePs } from '../../../client-agent/posture/processes.ts';
import { parseBitlocker, parseShellProtection } from '../../../client-agent/posture/windows/parse-bitlocker.ts';
import { parseFirewallProfiles } from '../../../client-agent/posture/windows/parse-firewall.ts';
import { parseLockValues } from '../../../client-agent/posture/windows/parse-screen-lock.ts';
import { parseDefender, parseSecurityCenter } from '../../../client-agent/posture/windows/parse-security-center.ts';
import { parseTasklist } from '../../../client-agent/posture/windows/parse-tasklist.ts';
import { parseWindowsUpdates } from '../../../client-agent/posture/windows/parse-updates.ts';
import { parseWindowsVersion } from '../../../client-agent/posture/windows/parse-version.ts';
import { parseAnswer } from '../../../client-agent/posture/windows/powershell.ts';
import { parseSecureBootState } from '../../../client-agent/posture/windows/secure-boot.ts';

const windows = (parse: (value: unknown) => unknown) => (text: string) => parse(parseAnswer(text));

export const textParsers = {
  apt: (text: string) => parseAptUpgrade(text)?.length,
  dnf: (text: string) => parseDnfUpdates(text)?.length,
  nft: parseNftRuleset,
  iptables: parseIptablesSave,
  mountinfo: (text: string) => parseMountinfo(text)?.size,
  osRelease: (text: string) => parseOsRelease(text)?.id,
  kde: parseKscreenlocker,
  uint: parseUint,
  ps: parsePs,
  fdesetup: parseFdesetup,
  alf: parseAlf,
  macLock: macLock.parseScreenLockStatus,
  idleTime: macLock.parseIdleTime,
  pmset: macLock.parseDisplaySleep,
  bootPolicy: parseBootPolicy,
  csrutil: parseCsrutil,
  spctl: parseSpctl,
  swVers: (text: string) => parseMacVersion(text)?.major,
  defaultsDate: macUpdate.parseDefaultsDate,
  count: macUpdate.parseCount,
  recommended: (text: string) => macUpdate.parseRecommended(text)?.length,
  tasklist: (text: string) => parseTasklist(text)?.size,
  bitlocker: windows(parseBitlocker),
  shell: windows(parseShellProtection),
  winFirewall: windows(parseFirewallProfiles),
  winLock: windows(parseLockValues),
  securityCenter: windows((value) => parseSecurityCenter(value)?.on),
  defender: windows(parseDefender),
  winVersion: windows((value) => parseWindowsVersion(value)?.major),
  winUpdates: windows((value) => parseWindowsUpdates(value)?.waiting.length),
  winSecureBoot: windows(parseSecureBootState),
  allowList: (text: string) => parseAllowList(text)?.size,
  factsFile: (text: string) => parseFactsFile(text)?.size,
} as const satisfies Record<string, (text: string) => unknown>;

const both = { ipv4: true, ipv6: true };
const none = { ipv4: false, ipv6: false };

export const expectations: readonly [keyof typeof textParsers, string, unknown][] = [
  ['apt', 'linux/apt-waiting.txt', 77],
  ['apt', 'linux/apt-none.txt', 0],
  ['apt', 'linux/apt-ubuntu.txt', 3],
  ['apt', 'linux/apt-german.txt', undefined],
  ['apt', 'linux/apt-truncated.txt', undefined],
  ['apt', 'linux/apt-truncated-at-line.txt', undefined],
  ['dnf', 'linux/dnf4.txt', 3],
  ['dnf', 'linux/dnf5.txt', 2],
  ['dnf', 'linux/dnf-odd.txt', undefined],
  ['nft', 'linux/nft-empty.json', none],
  ['nft', 'linux/nft-drop-policy.json', both],
  ['nft', 'linux/nft-single-addresses.json', none],
  ['nft', 'linux/nft-jump-reject-ipv4.json', { ipv4: true, ipv6: false }],
  ['nft', 'linux/nft-accepts-new.json', none],
  ['nft', 'linux/nft-dormant.json', none],
  ['nft', 'linux/nft-ufw.json', both],
  ['nft', 'linux/nft-truncated.json', undefined],
  ['iptables', 'linux/iptables-drop.txt', true],
  ['iptables', 'linux/iptables-reject-rest.txt', true],
  ['iptables', 'linux/iptables-ufw.txt', true],
  ['iptables', 'linux/iptables-open.txt', false],
  ['mountinfo', 'linux/mountinfo-plain.txt', 17],
  ['mountinfo', 'linux/mountinfo-luks-lvm.txt', 4],
  ['osRelease', 'linux/os-release-debian12.txt', 'debian'],
  ['osRelease', 'linux/os-release-arch.txt', 'arch'],
  ['osRelease', 'linux/os-release-odd.txt', undefined],
  ['kde', 'linux/kde-off.txt', 'never'],
  ['kde', 'linux/kde-10min.txt', 600],
  ['kde', 'linux/kde-odd.txt', undefined],
  ['fdesetup', 'macos/fdesetup-on.txt', true],
  ['fdesetup', 'macos/fdesetup-off.txt', false],
  ['fdesetup', 'macos/fdesetup-encrypting.txt', false],
  ['fdesetup', 'macos/fdesetup-deferred.txt', undefined],
  ['fdesetup', 'macos/fdesetup-german.txt', undefined],
  ['fdesetup', 'macos/fdesetup-truncated.txt', undefined],
  ['alf', 'macos/alf-on.txt', true],
  ['alf', 'macos/alf-block-all.txt', true],
  ['alf', 'macos/alf-off.txt', false],
  ['alf', 'macos/alf-odd.txt', undefined],
  ['alf', 'macos/alf-german.txt', undefined],
  ['macLock', 'macos/lock-300.txt', 300],
  ['macLock', 'macos/lock-immediate.txt', 0],
  ['macLock', 'macos/lock-off.txt', 'never'],
  ['macLock', 'macos/lock-truncated.txt', undefined],
  ['pmset', 'macos/pmset.txt', 600],
  ['swVers', 'macos/sw_vers.txt', 15],
  ['swVers', 'macos/sw_vers-26.txt', 26],
  ['swVers', 'macos/sw_vers-odd.txt', undefined],
  ['bootPolicy', 'macos/bridge-full.txt', 'signed'],
  ['bootPolicy', 'macos/bridge-permissive.txt', 'open'],
  ['bootPolicy', 'macos/bridge-german.txt', undefined],
  ['csrutil', 'macos/csrutil-on.txt', true],
  ['csrutil', 'macos/csrutil-off.txt', false],
  ['csrutil', 'macos/csrutil-custom.txt', false],
  ['recommended', 'macos/recommended.txt', 2],
  ['recommended', 'macos/recommended-truncated.txt', undefined],
  ['bitlocker', 'windows/bitlocker-on.json', true],
  ['bitlocker', 'windows/bitlocker-single.json', true],
  ['bitlocker', 'windows/bitlocker-suspended.json', false],
  ['bitlocker', 'windows/bitlocker-encrypting.json', false],
  ['bitlocker', 'windows/bitlocker-none.json', undefined],
  ['bitlocker', 'windows/bitlocker-odd.json', undefined],
  ['bitlocker', 'windows/truncated.json', undefined],
  ['shell', 'windows/shell-on.json', true],
  ['winFirewall', 'windows/firewall-on.json', true],
  ['winFirewall', 'windows/firewall-domain-off.json', false],
  ['winFirewall', 'windows/firewall-allow.json', false],
  ['winFirewall', 'windows/firewall-two.json', undefined],
  ['winFirewall', 'windows/firewall-odd.json', undefined],
  ['winLock', 'windows/lock-machine.json', 900],
  ['winLock', 'windows/lock-saver.json', 600],
  ['winLock', 'windows/lock-policy-wins.json', 'never'],
  ['winLock', 'windows/lock-odd.json', undefined],
  ['securityCenter', 'windows/antivirus-on.json', true],
  ['securityCenter', 'windows/antivirus-outdated.json', false],
  ['securityCenter', 'windows/antivirus-off.json', false],
  ['securityCenter', 'windows/antivirus-odd.json', undefined],
  ['defender', 'windows/defender-on.json', true],
  ['defender', 'windows/defender-old.json', false],
  ['winVersion', 'windows/version-11.json', 11],
  ['winVersion', 'windows/version-10.json', 10],
  ['winVersion', 'windows/version-2022.json', 2022],
  ['winVersion', 'windows/version-8.json', undefined],
  ['winUpdates', 'windows/updates-two.json', 2],
  ['winUpdates', 'windows/updates-none.json', 0],
  ['winUpdates', 'windows/updates-odd.json', undefined],
  ['winUpdates', 'windows/updates-missing.json', undefined],
  ['tasklist', 'windows/tasklist.txt', 3],
  ['tasklist', 'windows/tasklist-german.txt', undefined],
];
