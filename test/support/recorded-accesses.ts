/** Accesses as a gateway records them, delivered to the store of a `PolicyDesk` through the real intake. */
import { newTrace, randomId } from '#shared/base/bytes.ts';
import type { GrantClaims } from '#shared/contracts/grant.ts';
import type { AccessRecord } from '#shared/contracts/record.ts';
import { takeRecords } from '../../controller/from-gateways/take-records.ts';
import type { PolicyDesk } from './policy-desk.ts';

const gateway = 'gw1';

export class GatewaySpool {
  readonly #desk: PolicyDesk;
  readonly #spool = `spool-${randomId(16)}`;
  #seq = 0;

  constructor(desk: PolicyDesk) {
    this.#desk = desk;
  }

  /** One access under a grant, by default one that was let through. */
  access(claims: GrantClaims, over: Partial<AccessRecord> = {}): AccessRecord {
    return {
      id: `rec_${randomId(20)}`,
      time: this.#desk.now,
      kind: 'access',
      phase: 'opening',
      trace: newTrace(),
      verdict: 'allow',
      reasons: ['grant-valid'],
      gateway,
      from: '10.1.2.3',
      device: claims.did,
      person: claims.sub,
      session: claims.sid,
      app: claims.app,
      grant: claims.jti,
      epoch: claims.epoch,
      ...(claims.act === 'connect' ? {} : { request: { method: 'GET', host: 'wiki.test', path: '/a' } }),
      ...over,
    };
  }

  async deliver(...records: readonly AccessRecord[]): Promise<void> {
    const batch = records.map((record) => ({ seq: ++this.#seq, record }));
    await takeRecords(this.#desk.db, this.#desk.now, { gateway, spool: this.#spool, records: batch });
  }
}
