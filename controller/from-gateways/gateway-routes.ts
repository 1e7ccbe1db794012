/** Edge 2, the listening end. A gateway is who its certificate says, and its site is what our own records say (P1). */
import type { Clock } from '#shared/base/clock.ts';
import { PosternError } from '#shared/base/errors.ts';
import type { PublicJwk } from '#shared/contracts/common.ts';
import type { gatewayToController } from '#shared/contracts/gateway-to-controller.ts';
import { jwkThumbprint, publicKeyFromJwk } from '#shared/crypto/keys.ts';
import type { Peer } from '#shared/wire/admit-peer.ts';
import type { Handlers } from '#shared/wire/serve-contract.ts';
import type { Authority } from '../authority/open-authority.ts';
import { issuedAnswer } from '../identity/enrol-device.ts';
import { renewCertificate } from '../identity/renew-certificate.ts';
import { appendRecord } from '../log/append-record.ts';
import { type KnownCheckpoints, knownBy } from '../log/known/known-checkpoints.ts';
import type { CutWatch } from '../revocation/cut-report.ts';
import { nextChange, readChange } from '../store/changes.ts';
import type { Db } from '../store/open-store.ts';
import type { AppChecks } from './app-checks.ts';
import type { GatewayConditions } from './gateway-conditions.ts';
import { readKeySets } from './gateway-state.ts';
import type { GatewayStreams } from './gateway-streams.ts';
import { takeRecords } from './take-records.ts';

export interface GatewayRouteParts {
  readonly db: Db;
  readonly clock: Clock;
  readonly authority: Authority;
  readonly streams: GatewayStreams;
  readonly checks: AppChecks;
  readonly cuts: CutWatch;
  readonly known: Pick<KnownCheckpoints, 'answer'>;
  readonly conditions: Pick<GatewayConditions, 'told'>;
  readonly generation: string;
}

export function gatewayRoutes(parts: GatewayRouteParts): Handlers<typeof gatewayToController, unknown> {
  const { db, clock, authority, streams, checks, cuts, known, conditions, generation } = parts;
  return {
    renew: async ({ peer, body }) => {
      const gateway = await activeGateway(db, peer);
      return issuedAnswer(
        await renewCertificate({ store: { db }, authority, clock }, { role: 'gateway', id: gateway.id, csr: body.csr }),
      );
    },

    identityKey: async ({ peer, body }) => {
      const gateway = await activeGateway(db, peer);
      const jwk = readIdentityKey(body.jwk, gateway.id);
      await db.transaction().execute(async (trx) => {
        await trx
          .updateTable('gateways')
          .set({ identity_jwk: JSON.stringify(jwk) })
          .where('id', '=', gateway.id)
          .execute();
        const keySets = await readKeySets(trx, gateway.site, authority);
        await nextChange(trx, clock.now(), [{ kind: 'key-sets', keySets }], gateway.site);
        await appendRecord(trx, clock.now(), {
          kind: 'gateway',
          gateway: gateway.id,
          event: 'identity-key',
        });
      });
    },

    stream: async ({ peer, query, start }) => {
      const gateway = await activeGateway(db, peer);
      const { door = 'none', knockPorts = '', preludePort = 0, ...position } = query;
      const told = { last_seen_at: clock.now(), door, knock_ports: knockPorts, prelude_port: preludePort };
      await db.updateTable('gateways').set(told).where('id', '=', gateway.id).execute();
      await streams.serve(start(), { gateway: gateway.id, site: gateway.site, jkt: peer!.jkt, ...position });
    },

    applied: async ({ peer, body }) => {
      const gateway = await activeGateway(db, peer);
      if (body.generation !== generation) throw new PosternError('conflict', 'the stream has a new generation');
      const at = clock.now();
      await db.transaction().execute(async (trx) => {
        // A number that does not exist yet would count as the confirmation of changes still to come: a key nobody has heard of
        // would be taken into use (P20), and a cut shown as done (P16).
        const now = await readChange(trx);
        if (body.through > now || body.closed.some(({ n }) => n > body.through)) {
          throw new PosternError('bad-request', `gateway ${gateway.id} confirms changes that it cannot know`);
        }
        const before = await trx
          .selectFrom('gateways')
          .select(['generation', 'through'])
          .where('id', '=', gateway.id)
          .executeTakeFirst();
        // Of two confirmations that overtake each other the higher stays.
        const known = before?.generation === generation ? before.through : 0;
        await trx
          .updateTable('gateways')
          .set({ generation, through: Math.max(known, body.through), last_seen_at: at })
          .where('id', '=', gateway.id)
          .execute();
        if (body.closed.length === 0) return;
        await trx
          .insertInto('gateway_cuts')
          .values(
            body.closed.map(({ n, streams: cut }) => ({ n, gateway_id: gateway.id, applied_at: at, streams: cut })),
          )
          .onConflict((conflict) => conflict.columns(['n', 'gateway_id']).doNothing())
          .execute();
      });
      streams.confirmed(gateway.id, body.through);
      cuts.applied();
    },

    cutDone: async ({ peer, body }) => {
      const gateway = await activeGateway(db, peer);
      streams.unkept.confirm(gateway.id, body.id, body.streams);
    },

    checked: async ({ peer, body }) => {
      const gateway = await activeGateway(db, peer);
      checks.answered(gateway.id, body.id, body.finding);
    },

    records: async ({ peer, body }) => {
      const gateway = await activeGateway(db, peer);
      return takeRecords(db, clock.now(), { gateway: gateway.id, spool: body.spool, records: body.records });
    },

    condition: async ({ peer, body }) => {
      const gateway = await activeGateway(db, peer);
      await conditions.told(gateway.id, body);
    },

    checkpoint: async ({ peer, body }) => {
      const gateway = await activeGateway(db, peer);
      return known.answer(knownBy(gateway.id), body.log, body.kept);
    },
  };
}

/**
 * One that is no key at all, or goes by the name of another gateway's, would spoil the key sets of all apps of the site for
 * every gateway. Throws `bad-request`.
 */
function readIdentityKey(jwk: PublicJwk, gateway: string): PublicJwk {
  publicKeyFromJwk(jwk);
  if (jwk.kid === undefined || jwk.kid === jwkThumbprint(jwk)) return jwk;
  throw new PosternError(
    'bad-request',
    `gateway ${gateway} names its identity key by something else than its thumbprint`,
  );
}

async function activeGateway(db: Db, peer: Peer | undefined) {
  if (peer?.role !== 'gateway') throw new PosternError('role-refused', 'not a gateway');
  const gateway = await db.selectFrom('gateways').selectAll().where('id', '=', peer.id).executeTakeFirst();
  if (gateway?.state !== 'active') throw new PosternError('role-refused', `gateway ${peer.id} is not in service`);
  return gateway;
}
