/** What the fake agent says of itself. */
import type { AppListed } from '#shared/contracts/agent-to-controller.ts';
import type { AgentState, Hold, PostureShown, Refused } from '../../client-agent/agent-api.ts';

export const fakeState = (signedIn: boolean): AgentState => ({
  profile: 'default',
  organisation: 'Example Ltd',
  person: { id: 'emil', name: 'Emil Employee' },
  device: { id: 'dev_0123456789', state: 'active', fingerprint: 'aaaa-bbbb-cccc-dddd', firstFactors: false },
  session: { signedIn, idle: false, ...(signedIn ? { expiresInMs: 36_000_000 } : {}) },
  controller: { reachable: true, addresses: ['controller.example:8443'], events: true },
  ways: [
    {
      door: 'controller',
      address: 'controller.example:8443',
      rung: 'direct',
      above: [],
      isFailing: false,
      lookedMsAgo: 0,
      failures: [],
    },
    {
      door: 'gateway gw-main',
      address: 'gateway.example:8444',
      rung: 'prelude at 443 by proxy',
      above: ['udp 62202 + prelude', 'prelude at 443'],
      isFailing: false,
      lookedMsAgo: 120_000,
      failures: [
        {
          rung: 'udp 62202 + prelude',
          leg: 'knock',
          how: 'timeout',
          detail: 'no answer on TCP 8444 in 3 s',
          afterMs: 3000,
        },
      ],
    },
  ],
  certificate: { endsInMs: 72_000_000, renewsInMs: 43_000_000 },
  posture: { reportedMsAgo: 5000, failing: ['firewallOn'], unknown: ['secureBoot'] },
  clockOffsetMs: 1200,
});

export const fakeApps: readonly AppListed[] = [
  {
    id: 'wiki',
    name: 'Wiki',
    description: 'Pages that everyone reads and writes',
    kind: 'http',
    hosts: ['wiki.corp.internal'],
    usable: true,
    fixes: [],
  },
  {
    id: 'payroll',
    name: 'Payroll',
    description: 'Your own payslips; reports for finance',
    kind: 'http',
    hosts: ['payroll.corp.internal'],
    usable: false,
    why: 'The firewall of this device is off.',
    fixes: [{ kind: 'posture', fact: 'firewallOn', text: 'Turn the firewall on.' }],
  },
  { id: 'echo', name: 'Echo', kind: 'tcp', hosts: ['echo.corp.internal'], port: 7007, usable: true, fixes: [] },
  { id: 'build', name: 'Build server', kind: 'tcp', hosts: ['build.corp.internal'], port: 22, usable: true, fixes: [] },
];

export const fakePosture = (seq: number): PostureShown => {
  const measuredAt = Date.now() - 5000;
  return {
    reportedAt: measuredAt,
    seq,
    facts: [
      { fact: 'diskEncrypted', value: true, status: 'pass', measuredAt },
      { fact: 'firewallOn', value: false, status: 'fail', detail: 'nftables has no rules', measuredAt },
      { fact: 'secureBoot', value: null, status: 'unknown', detail: 'needs root: no access', measuredAt },
      { fact: 'os', value: 'linux', status: 'pass', measuredAt },
      { fact: 'osVersion', value: 'debian 12', status: 'pass', measuredAt },
    ],
    checks: [
      {
        id: 'vpn-absent',
        title: 'No other VPN is installed',
        status: 'fail',
        detail: '/opt/vpn is there',
        fix: 'Remove it.',
        measuredAt,
      },
    ],
    judged: [
      { fact: 'diskEncrypted', state: 'pass', freshForMs: 3_600_000 },
      { fact: 'firewallOn', state: 'fail', freshForMs: 0 },
      { fact: 'osVersion', state: 'stale', freshForMs: 0 },
      { fact: 'check:vpn-absent', state: 'stale', freshForMs: 0 },
    ],
  };
};

export const fakeRefusal: Refused = {
  at: Date.now() - 120_000,
  app: 'payroll',
  act: 'request',
  by: 'gateway',
  code: 'device-unfit',
  title: 'This device must be put right first.',
  detail: 'The firewall of this device is off.',
  fixes: [{ kind: 'posture', fact: 'firewallOn', text: 'Turn the firewall on.' }],
  trace: '0123456789abcdef0123456789abcdef',
  gateway: 'g1',
  request: { method: 'POST', host: 'payroll.corp.internal', path: '/reports/q3/export' },
};

export const fakeHold = (): Hold => ({
  id: 'hold_1',
  app: 'payroll',
  kind: 'step-up',
  purpose: 'step-up',
  code: 'step-up-required',
  since: Date.now(),
  until: Date.now() + 90_000,
  detail: 'Confirm your second factor.',
  fixes: [{ kind: 'second-factor', text: 'Confirm your second factor.' }],
  trace: 'fedcba9876543210fedcba9876543210',
  request: { method: 'POST', host: 'payroll.corp.internal', path: '/reports/q3/export' },
});
