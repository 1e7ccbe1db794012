import t from 'tap';
import { collect } from '../../../client-agent/posture/collect.ts';
import { type FakeWorld, fakeHost, recorded } from './fake-host.ts';

const now = Date.parse('2026-11-20T12:00:00Z');

async function factsOf(world: FakeWorld) {
  const facts = await collect({ host: fakeHost({ now, ...world }) });
  return Object.fromEntries(facts.map(({ fact, status, value }) => [fact, status === 'unknown' ? status : value]));
}

const mac: FakeWorld = {
  os: 'macos',
  uid: 501,
  facts: {
    '/Library/Apple/System/Library/CoreServices/XProtect.bundle': {},
    '/System/Library/CoreServices/SystemVersion.plist': { mtimeMs: Date.parse('2026-11-01T00:00:00Z') },
  },
  runs: {
    'fdesetup status': recorded('macos/fdesetup-on.txt'),
    'socketfilterfw --getglobalstate': recorded('macos/alf-on.txt'),
    'sysadminctl -screenLock status': { ran: true, code: 0, stdout: '', stderr: recorded('macos/lock-300.txt') },
    'com.apple.screensaver idleTime': '900\n',
    'pmset -g': recorded('macos/pmset.txt'),
    'sw_vers -productVersion': recorded('macos/sw_vers.txt'),
    'csrutil status': recorded('macos/csrutil-on.txt'),
    SPiBridgeDataType: recorded('macos/bridge-full.txt'),
    'spctl --status': 'assessments enabled\n',
    'ps -axo comm=': '/sbin/launchd\n/usr/libexec/logd\n',
    LastFullSuccessfulDate: '2026-11-19 07:02:11 +0000\n',
    LastUpdatesAvailable: '2\n',
    RecommendedUpdates: recorded('macos/recommended.txt'),
  },
};

t.test('macOS: a good machine with updates that have been waiting since the last change of the system', async (t) => {
  t.same(await factsOf(mac), {
    diskEncrypted: true,
    firewallOn: true,
    screenLock: true,
    screenLockSeconds: 900,
    secureBoot: true,
    antivirusOn: true,
    osUpdated: false,
    osSupported: true,
    patchAgeDays: 19,
    osMajor: 15,
    os: 'macos',
    osVersion: '15.6.1',
  });
});

t.test('macOS: a translated system is unknown, a weakened one fails', async (t) => {
  const runs = {
    ...mac.runs,
    'fdesetup status': recorded('macos/fdesetup-german.txt'),
    'socketfilterfw --getglobalstate': recorded('macos/alf-german.txt'),
    SPiBridgeDataType: recorded('macos/bridge-german.txt'),
  };
  const german = await factsOf({ ...mac, runs });
  for (const fact of ['diskEncrypted', 'firewallOn', 'secureBoot']) t.equal(german[fact], 'unknown', fact);
  const weak = await factsOf({ ...mac, runs: { ...mac.runs, 'csrutil status': recorded('macos/csrutil-off.txt') } });
  t.equal(weak['secureBoot'], false);
  t.equal((await factsOf({ ...mac, uid: 0 }))['screenLock'], 'unknown', 'root has no screen of its own');
});

const windows: FakeWorld = {
  os: 'windows',
  uid: undefined,
  runs: {
    'Get-BitLockerVolume': recorded('windows/bitlocker-on.json'),
    'Get-NetFirewallProfile': recorded('windows/firewall-on.json'),
    InactivityTimeoutSecs: recorded('windows/lock-machine.json'),
    UEFISecureBootEnabled: '{"on":1}',
    SecurityCenter2: recorded('windows/antivirus-on.json'),
    CurrentBuildNumber: recorded('windows/version-11.json'),
    'Microsoft.Update.Session': recorded('windows/updates-two.json'),
  },
};

t.test('Windows: a good machine with a late update, on a release that has ended for home and pro', async (t) => {
  t.same(await factsOf(windows), {
    diskEncrypted: true,
    firewallOn: true,
    screenLock: true,
    screenLockSeconds: 900,
    secureBoot: true,
    antivirusOn: true,
    osUpdated: false,
    osSupported: false,
    patchAgeDays: 36,
    osMajor: 11,
    os: 'windows',
    osVersion: '10.0.26100.2314',
  });
});

t.test(
  'Windows: without an administrator the shell is asked about encryption, and what is not told says so',
  async (t) => {
    const denied = { ran: true, code: 1, stdout: '', stderr: 'Access denied' } as const;
    const runs = { ...windows.runs, 'Get-BitLockerVolume': denied };
    t.equal((await factsOf({ ...windows, runs }))['diskEncrypted'], 'unknown');
    const facts = await collect({ host: fakeHost({ ...windows, runs }) });
    t.match(facts[0], { fact: 'diskEncrypted', status: 'unknown', detail: /^may need an administrator/ });
    const shell = { ...runs, BitLockerProtection: recorded('windows/shell-on.json') };
    t.equal((await factsOf({ ...windows, runs: shell }))['diskEncrypted'], true);
  },
);

t.test('Windows: the scripts are constant, run without profile and without a shell', async (t) => {
  const host = fakeHost(windows);
  await collect({ host });
  const asked = host.asked.filter((command) => command.startsWith('powershell'));
  t.ok(asked.length >= 7);
  for (const command of asked)
    t.match(command, /^powershell -NoProfile -NonInteractive -Command \$ErrorActionPreference/);
  t.equal(new Set(asked).size, asked.length, 'each is asked once, though several facts rest on it');
});
