import { connect } from 'node:tls';
import t from 'tap';
import { makeCsr } from '../../../shared/crypto/csr.ts';
import { generateKeyPair } from '../../../shared/crypto/keys.ts';
import { decodeInvitation } from '../../../shared/wire/invitation.ts';
import { fetchPinnedRoot } from '../../../shared/wire/pinned-root.ts';
import { startEdge } from '../support/edge-one.ts';

const facts = { os: 'linux', hostName: 'laptop' } as const;

t.test('the root that an invitation pins is the one that the bootstrap server presents', async (t) => {
  const edge = await startEdge(t);
  const { p: pin } = decodeInvitation(edge.first.invitation);
  const { hostname: host, port } = new URL(edge.origin.bootstrap);
  const root = await fetchPinnedRoot({ host, port: Number(port), pin });
  t.equal(root.trim(), edge.authority.bundle()[0]!.trim());
  await t.rejects(fetchPinnedRoot({ host, port: Number(port), pin: 'ab'.repeat(32) }), { code: 'peer-refused' });
});

t.test(
  'versions that are not spoken and bodies that are too large are refused before any code is looked at',
  async (t) => {
    const edge = await startEdge(t);
    const body = { code: edge.ownerCode, csr: makeCsr(generateKeyPair()), facts, version: 1 };
    for (const version of [0, 2]) {
      await t.rejects(edge.stranger.agent.enrol({ body: { ...body, version } }), { code: 'version-unsupported' });
    }
    const huge = { ...body, csr: `${body.csr}${' '.repeat(9000)}` };
    await t.rejects(edge.stranger.agent.enrol({ body: huge }), { code: 'body-too-large' });
    await t.rejects(edge.stranger.agent.enrol({ body: { ...body, csr: 'no request' } }), { code: 'csr-refused' });
    t.match(await edge.stranger.agent.enrol({ body }), { person: { id: 'olga' } }, 'the code is still good');
  },
);

t.test('a renewed certificate is presented at the next handshake, without a restart', async (t) => {
  const edge = await startEdge(t);
  const { hostname: host, port } = new URL(edge.origin.bootstrap);
  const presented = () =>
    new Promise<string>((resolve, reject) => {
      const socket = connect({
        host,
        port: Number(port),
        ca: edge.authority.bundle(),
        checkServerIdentity: () => undefined,
      });
      socket.once('error', reject);
      socket.once('secureConnect', () => {
        resolve(socket.getPeerX509Certificate()!.serialNumber);
        socket.destroy();
      });
    });
  const first = await presented();
  t.equal(await presented(), first);
  await edge.store.db.transaction().execute((trx) => edge.authority.startRotation(trx, 'issuing'));
  await edge.authority.promoteReady({ confirmedThrough: Number.MAX_SAFE_INTEGER });
  t.not(await presented(), first);
  t.ok(await edge.enrol(edge.ownerCode), 'and under the new issuing CA devices enrol and connect');
});
