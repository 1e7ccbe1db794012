/** A store in memory with an employee, a device, a session and apps, and everything that decides, grants and publishes there. */

import type { AgentEvent } from '#shared/contracts/agent-to-controller.ts';
import type { App } from '#shared/contracts/app.ts';
import { type PostureReport, postureReportType } from '#shared/contracts/posture.ts';
import { openGrant, verifyGrantSignature } from '#shared/crypto/grant-token.ts';
import { signJws } from '#shared/crypto/jws.ts';
import { generateKeyPair, keyThumbprint, publicKeyToJwk } from '#shared/crypto/keys.ts';
import type { Peer } from '#shared/wire/admit-peer.ts';
import { DeviceBudget } from '../../controller/grants/device-budget.ts';
import { type GrantAsk, type GrantParts, issueGrant } from '../../controller/grants/issue-grant.ts';
import { judgeDraft } from '../../controller/policy/judge-draft.ts';
import type { PostureParts } from '../../controller/posture/take-report.ts';
import { PolicyInForce } from '../../controller/publishing/policy-in-force.ts';
import type { Judge } from '../../controller/publishing/policy-judge.ts';
import { type PublishParts, publishPolicy } from '../../controller/publishing/publish.ts';
import { openStore, type Store } from '../../controller/store/open-store.ts';
import { tuesday } from './policy-facts.ts';
import { storedRecords } from './stored-records.ts';

const hour = 3_600_000;
export const deviceId = 'dev_aaaaaaaa';
export const sessionId = 'ses_aaaaaaaa';

export const wikiApp: App = {
  id: 'wiki',
  name: 'Wiki',
  site: 'main',
  kind: 'http',
  hosts: ['wiki.test'],
  upstream: 'http://127.0.0.1:1',
  groups: ['internal'],
  operations: { export: 'POST /reports/*/export' },
};
export const sshApp: App = {
  id: 'ssh',
  name: 'SSH',
  site: 'main',
  kind: 'tcp',
  host: 'ssh.test',
  port: 22,
  upstream: '127.0.0.1:1',
};

export class PolicyDesk {
  readonly store: Store;
  now = tuesday;
  readonly clock = { now: () => this.now };
  readonly policy = new PolicyInForce();
  readonly decider = { policy: this.policy.current, timezone: 'UTC' };
  readonly deviceKey = generateKeyPair();
  readonly signingKey = generateKeyPair();
  readonly jkt = keyThumbprint(this.deviceKey.publicKey);
  readonly told: { device: string; event: AgentEvent }[] = [];
  gateways = [{ id: 'gw1', site: 'main', address: '127.0.0.1:8444' }];
  #seq = 0;

  constructor(store: Store) {
    this.store = store;
  }

  static async open(file = ':memory:'): Promise<PolicyDesk> {
    const desk = new PolicyDesk(await openStore(file));
    await desk.#fill();
    return desk;
  }

  get db() {
    return this.store.db;
  }

  get publishParts(): PublishParts {
    const judge: Judge = async (draft, known) => judgeDraft(draft, known);
    return { db: this.db, clock: this.clock, policy: this.policy, decider: this.decider, judge };
  }

  get postureParts(): PostureParts {
    const notify = (device: string, event: AgentEvent) => void this.told.push({ device, event });
    return { db: this.db, clock: this.clock, decider: this.decider, notify };
  }

  readonly budget = new DeviceBudget(1_000_000);

  get grantParts(): GrantParts {
    return {
      db: this.db,
      clock: this.clock,
      decider: this.decider,
      signer: () => ({ kid: 'key-1', privateKey: this.signingKey.privateKey }),
      trustDomain: 'test.postern',
      freshGateways: async (_db, site) => this.gateways.filter((gateway) => gateway.site === site),
      budget: this.budget,
    };
  }

  get peer(): Peer {
    return {
      role: 'device',
      id: deviceId,
      name: `device/${deviceId}`,
      spiffeId: `spiffe://test.postern/device/${deviceId}`,
      serial: '01',
      notBefore: 0,
      notAfter: tuesday + 20 * hour,
      publicKey: this.deviceKey.publicKey,
      jkt: this.jkt,
    };
  }

  async publish(text: string, tests?: string) {
    const draft = {
      files: [{ id: 'test', text }],
      tests: tests === undefined ? [] : [{ id: 'test', text: tests }],
    };
    return publishPolicy(this.publishParts, { ...draft, message: 'a test', actor: 'owner' });
  }

  /** The answer with its claims, whose signature holds. */
  async grant(over: Partial<GrantAsk> = {}) {
    const ask = { device: deviceId, jkt: this.jkt, session: sessionId, app: 'wiki', act: 'request', ...over } as const;
    const answer = await issueGrant(this.grantParts, { idleMs: 0, address: '10.1.2.3', trace: 'a'.repeat(32), ...ask });
    const opened = openGrant(answer.grant);
    verifyGrantSignature(opened, this.signingKey.publicKey);
    return { ...answer, claims: opened.claims };
  }

  report(facts: Record<string, boolean | number | string | null>, more: Partial<PostureReport> = {}): string {
    const payload: PostureReport = {
      v: 1,
      seq: ++this.#seq,
      facts: Object.entries(facts).map(([fact, value]) => ({
        fact,
        value,
        status: value === null ? 'unknown' : value === false ? 'fail' : 'pass',
        ageMs: 0,
        source: 'self',
      })) as PostureReport['facts'],
      checks: [],
      ...more,
    };
    return this.sign(payload);
  }

  sign(payload: object, typ: string = postureReportType, privateKey = this.deviceKey.privateKey): string {
    return signJws({ typ, kid: this.jkt, payload, privateKey });
  }

  records(kind: string) {
    return storedRecords(this.db).then((all) => all.filter((one) => one.kind === kind));
  }

  async putApp(app: App): Promise<void> {
    const row = { id: app.id, site: app.site, kind: app.kind, definition: JSON.stringify(app), created_at: 0 };
    await this.db.insertInto('apps').values(row).execute();
  }

  async #fill(): Promise<void> {
    const { db } = this;
    await db.insertInto('sites').values({ id: 'main', name: 'Main' }).execute();
    await db.insertInto('app_groups').values({ id: 'internal', name: 'Internal' }).execute();
    await this.putApp(wikiApp);
    await this.putApp(sshApp);
    await db
      .insertInto('people')
      .values({
        id: 'alice',
        name: 'Alice',
        email: null,
        role: 'employee',
        state: 'active',
        risk: 0,
        created_at: 0,
        last_sign_in_at: null,
        had_factors: 1,
      })
      .execute();
    await db
      .insertInto('groups')
      .values([{ id: 'staff', name: 'Staff', created_at: 0 }])
      .execute();
    await db.insertInto('group_members').values({ group_id: 'staff', person_id: 'alice' }).execute();
    await db
      .insertInto('devices')
      .values({
        id: deviceId,
        person_id: 'alice',
        name: 'laptop',
        os: 'linux',
        model: null,
        serial: null,
        state: 'active',
        ownership: 'company',
        approval: 'none',
        first_factors: 0,
        public_jwk: JSON.stringify(publicKeyToJwk(this.deviceKey.publicKey)),
        jkt: this.jkt,
        fingerprint: 'aaaa',
        certificate_serial: '01',
        certificate_ends_at: tuesday + 20 * hour,
        posture_seq: 0,
        enrolled_at: 0,
        last_seen_at: null,
        approved_at: 0,
      })
      .execute();
    await db
      .insertInto('sessions')
      .values({
        id: sessionId,
        secret_hash: 'x',
        person_id: 'alice',
        device_id: deviceId,
        state: 'live',
        ended_because: null,
        methods: '["pwd","otp","mfa"]',
        started_at: tuesday - hour,
        ends_at: tuesday + 11 * hour,
        last_active_at: tuesday,
        password_at: tuesday - hour,
        second_factor_at: tuesday - 600_000,
        knock_n: 0,
      })
      .execute();
  }
}
