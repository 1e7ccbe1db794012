/** The rules, one leg after the other, by evidence as the probes give it. */
import t from 'tap';
import { PosternError } from '#shared/base/errors.ts';
import { judge } from '../../../client-agent/diagnosis/judge.ts';
import { type DoctorLeg, legs } from '../../../client-agent/diagnosis/legs.ts';
import { silent } from '../../../client-agent/diagnosis/rules-around.ts';
import { bad, evidence, failures, good, hour, name, now, outOfTime, type Parts, strange, unreachable } from './seen.ts';

t.test('nothing fails where everything works', (t) => {
  const { findings, trouble } = judge(
    evidence({ gateways: [{ id: 'g1', address: 'a:1', hides: true, call: { ok: true, state: 'fresh' } }] }),
  );
  t.equal(trouble, undefined);
  t.strictSame([...new Set(findings.map(({ ok }) => ok))], [true]);
  t.end();
});

const table: readonly [what: string, leg: DoctorLeg, says: RegExp, parts: Parts][] = [
  [
    'no interface has an address',
    'network',
    /There is no network: no interface/,
    {
      addresses: [bad({ met: 'nothing' }, { name: { ...name, addresses: [], failed: 'EAI_AGAIN' }, route: undefined })],
      around: { interfaces: [] },
    },
  ],
  [
    'no route',
    'network',
    /no way leads to .* \(ENETUNREACH\)/,
    { addresses: [bad({ met: 'nothing' }, { route: { failed: 'ENETUNREACH' } })] },
  ],
  [
    'a portal that redirects and shows its own certificate',
    'captive-portal',
    /captive portal.*leads to portal\.wifi; controller\.example:8443 shows a certificate of "portal\.wifi"\.$/,
    { addresses: [bad(strange, { http: { status: 302, leadsTo: 'portal.wifi' } })] },
  ],
  [
    'a redirect alone, which a host could always send',
    'captive-portal',
    /would look the same/,
    { addresses: [bad({ met: 'nothing' }, { http: { status: 302, leadsTo: 'portal.wifi' } })] },
  ],
  [
    '511',
    'captive-portal',
    /network authentication required/,
    { addresses: [bad({ met: 'refused' }, { http: { status: 511 } })] },
  ],
  [
    'DNS that answers every name with one address',
    'captive-portal',
    /names that nobody has \(x\.invalid: 192\.0\.2\.1\)/,
    { addresses: [bad({ met: 'nothing' })], around: { wild: [{ name: 'x.invalid', address: '192.0.2.1' }] } },
  ],
  [
    'a portal that the network names (RFC 8910)',
    'captive-portal',
    /names its portal: https:\/\/p\.wifi/,
    { addresses: [bad({ met: 'nothing' })], around: { toldPortal: 'https://p.wifi/' } },
  ],
  [
    'a name that is not there',
    'name',
    /controller\.example is not resolved: ENOTFOUND; 10\.0\.0\.1 said: there is no such name/,
    {
      addresses: [
        bad(
          { met: 'nothing' },
          {
            route: undefined,
            name: {
              ...name,
              addresses: [],
              failed: 'ENOTFOUND',
              resolvers: [{ server: '10.0.0.1', said: 'there is no such name' }],
            },
          },
        ),
      ],
    },
  ],
  [
    'resolvers that do not answer',
    'name',
    /10\.0\.0\.1 said: nothing/,
    {
      addresses: [
        bad(
          { met: 'nothing' },
          {
            route: undefined,
            name: { ...name, addresses: [], failed: 'EAI_AGAIN', resolvers: [{ server: '10.0.0.1', said: silent }] },
          },
        ),
      ],
    },
  ],
  [
    'a proxy that refuses',
    'proxy',
    /proxy .*in the way: 407/,
    {
      addresses: [
        bad(
          { met: 'nothing' },
          { call: failures({ leg: 'proxy', how: 'status-407', detail: '407 from proxy.example' }) },
        ),
      ],
    },
  ],
  [
    'a clock behind, by the certificate of the controller',
    'clock',
    /at least 3 h behind by the certificate of the controller; the time service of this system has not set it/,
    {
      addresses: [outOfTime(now + 3 * hour, now + 30 * hour, 'CERT_NOT_YET_VALID')],
      around: { clockSynchronised: false },
    },
  ],
  [
    'a clock ahead, or a certificate that ended',
    'clock',
    /5 h ahead .*, unless that certificate has really ended/,
    { addresses: [outOfTime(now - 30 * hour, now - 5 * hour, 'CERT_HAS_EXPIRED')] },
  ],
  [
    'a certificate that ended, by a clock that is right',
    'tls',
    /out of its time, and this clock is right/,
    {
      addresses: [outOfTime(now - 30 * hour, now - 5 * hour, 'CERT_HAS_EXPIRED')],
      around: { clockSynchronised: true },
    },
  ],
  [
    'a clock behind the own certificate',
    'clock',
    /at least 4 days behind/,
    {
      addresses: [bad({ met: 'nothing' })],
      own: { clockOffsetMs: undefined as never, certificate: { startsAt: now + 96 * hour, endsAt: now + 120 * hour } },
    },
  ],
  [
    "somebody else's certificate",
    'tls',
    /certificate of "portal\.wifi", issued by "Wifi CA".*look the same/,
    { addresses: [bad(strange)] },
  ],
  ['no TLS at all', 'tls', /speaks no TLS/, { addresses: [bad({ met: 'other-protocol' })] }],
  ['nothing listens', 'port', /connection refused/, { addresses: [bad({ met: 'refused' })] }],
  [
    'no answer',
    'port',
    /packets are lost, a firewall.*or its door did not take the knock; these look the same/,
    { addresses: [bad({ met: 'nothing' })] },
  ],
  [
    'a knock by UDP that opens nothing',
    'udp',
    /UDP is blocked on the way.*look the same/,
    { addresses: [bad({ met: 'nothing' }, { call: failures({}) })] },
  ],
  [
    'a door that does not take the knock',
    'knock',
    /does not take the key of this device any more.*more than 24 h/,
    { addresses: [bad({ met: 'closed' })] },
  ],
  [
    'a door, and no key',
    'knock',
    /holds no key to knock with/,
    { addresses: [bad({ met: 'closed' })], own: { knock: 'missing' } },
  ],
  [
    'a certificate past its end',
    'certificate',
    /ended 2 h ago; the last renewal failed: no disk/,
    {
      addresses: [{ ...good, call: { ok: false, error: new PosternError('certificate-refused') } }],
      own: {
        certificate: {
          startsAt: 0,
          endsAt: now - 2 * hour,
          lastError: new PosternError('disk-full', undefined, { tell: 'no disk' }),
        },
      },
    },
  ],
  [
    'a renewal that is refused',
    'certificate',
    /30 days/,
    {
      own: {
        certificate: {
          startsAt: 0,
          endsAt: now - hour,
          lastError: new PosternError('renewal-refused', 'ended more than 30 days ago'),
        },
      },
    },
  ],
  [
    'a controller that refuses',
    'controller',
    /is reached and refuses: .*disk/,
    { addresses: [{ ...good, call: { ok: false, error: new PosternError('disk-full') } }] },
  ],
  ['a device out of service', 'device', /is suspended/, { own: { device: 'suspended' } }],
  ['a session that ended', 'session', /not signed in/, { own: { session: { signedIn: false, idle: false } } }],
  [
    'a hidden gateway that is silent',
    'gateway',
    /did not take the knock, whose key ends with the session, or packets are lost/,
    { gateways: [{ id: 'g1', address: 'g:1', hides: true, call: { ok: false, error: unreachable } }] },
  ],
];

for (const [what, leg, says, parts] of table) {
  t.test(`${leg}: ${what}`, (t) => {
    const { trouble, findings } = judge(evidence(parts));
    t.equal(trouble?.leg, leg);
    t.match(trouble?.says, says);
    t.ok((trouble?.fix?.length ?? 0) > 5, 'with what to do');
    const order = findings.map(({ leg }) => legs.indexOf(leg));
    t.strictSame(
      order,
      order.toSorted((a, b) => a - b),
      'in the order of the table',
    );
    t.end();
  });
}

t.test('every leg has a way to fail', (t) => {
  t.strictSame(
    legs.filter((leg) => !table.some((row) => row[1] === leg)),
    [],
  );
  t.end();
});

t.test('a provider that answers every wrong name, and a controller that is off, are no captive portal', (t) => {
  const around = { wild: [{ name: 'x.invalid', address: '198.51.100.1' }] };
  t.equal(judge(evidence({ addresses: [bad({ met: 'refused' })], around })).trouble?.leg, 'port');
  t.equal(
    judge(evidence({ addresses: [bad({ met: 'refused' }, { http: { status: 301, leadsTo: 'controller.example' } })] }))
      .trouble?.leg,
    'port',
  );
  t.end();
});

t.test('of several addresses one that works is enough', (t) => {
  const other = bad({ met: 'refused' }, { address: 'b.example:8443' });
  const { trouble, findings } = judge(evidence({ addresses: [good, other] }));
  t.equal(trouble, undefined);
  t.match(
    findings.find(({ name }) => name === 'port b.example:8443'),
    { ok: undefined, detail: /another address/ },
  );
  t.end();
});

t.test('a wrong clock that is corrected is told and is not in the way', (t) => {
  const { trouble, findings } = judge(evidence({ own: { clockOffsetMs: 2 * hour } }));
  t.equal(trouble, undefined);
  t.match(
    findings.find(({ leg }) => leg === 'clock'),
    { ok: undefined, detail: /2 h behind the controller.*goes by the controller's time/ },
  );
  t.end();
});
