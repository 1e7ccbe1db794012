/** What the handlers of the admin API are given, and who calls them. */
import type { Clock } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import type { Role } from '#shared/contracts/admin-objects.ts';
import type { Contract } from '#shared/contracts/route.ts';
import type { Sealer } from '#shared/crypto/seal.ts';
import type { Handlers } from '#shared/wire/serve-contract.ts';
import type { AnalysisDesk } from '../analysis/analysis-desk.ts';
import type { Authority } from '../authority/open-authority.ts';
import type { PolicyStores } from '../authzen/policy-stores.ts';
import type { AgentEvents } from '../from-agents/agent-events.ts';
import type { TellDoor } from '../from-agents/bootstrap-routes.ts';
import type { AppChecks } from '../from-gateways/app-checks.ts';
import type { GatewayConditions } from '../from-gateways/gateway-conditions.ts';
import type { GatewayStreams } from '../from-gateways/gateway-streams.ts';
import type { Decider } from '../grants/decider.ts';
import type { LogFollowers } from '../log/follow-records.ts';
import type { KnownCheckpoints } from '../log/known/known-checkpoints.ts';
import type { LogKeeper } from '../log/log-keeper.ts';
import type { Pruner } from '../log/retention/pruner.ts';
import type { SearchDesk } from '../log/search/search-desk.ts';
import type { LogAnchors } from '../log-anchors/log-anchors.ts';
import type { LogStreams } from '../log-streams/log-streams.ts';
import type { PolicyInForce } from '../publishing/policy-in-force.ts';
import type { Judge } from '../publishing/policy-judge.ts';
import type { CutWatch } from '../revocation/cut-report.ts';
import type { Shadow } from '../shadow/shadow.ts';
import type { RunningServices } from '../start-services.ts';
import type { DiskReserve } from '../store/disk-reserve.ts';
import type { Db, Store } from '../store/open-store.ts';
import type { Settings } from '../store/settings.ts';

export interface AdminParts {
  readonly store: Store;
  readonly db: Db;
  readonly reserve: Pick<DiskReserve, 'requireRoom' | 'state'>;
  /** The state directory. */
  readonly dir: string;
  readonly keeper: LogKeeper;
  readonly known: Pick<KnownCheckpoints, 'forget'>;
  readonly sealer: Sealer;
  readonly clock: Clock;
  readonly log: Log;
  readonly settings: Settings;
  readonly authority: Authority;
  readonly policy: PolicyInForce;
  readonly decider: Decider;
  readonly judge: Judge;
  readonly generation: string;
  readonly streams: GatewayStreams;
  readonly conditions: Pick<GatewayConditions, 'of'>;
  readonly checks: AppChecks;
  readonly events: AgentEvents;
  readonly cuts: CutWatch;
  readonly shadow: Pick<Shadow, 'start' | 'look' | 'end'>;
  readonly pruner: Pruner;
  readonly searches: Pick<SearchDesk, 'ask' | 'follow' | 'stats'>;
  readonly followers: Pick<LogFollowers, 'follow'>;
  readonly analyses: Pick<AnalysisDesk, 'begin'>;
  /** Ends stream and connections of a gateway that was revoked. */
  readonly cutGateway: (id: string) => void;
  /** `host:port` of the servers, as invitations name them. */
  readonly reached: () => { readonly bootstrap: string; readonly mutual: string };
  readonly door: TellDoor;
  readonly policyStores: PolicyStores;
  readonly anchors: Pick<LogAnchors, 'look' | 'try' | 'troubleOf' | 'witnessed' | 'askWitnesses' | 'tellKnown'>;
  readonly logStreams: Pick<LogStreams, 'look' | 'stateOf' | 'try'>;
  /** Undefined while the services listener is off. */
  readonly services: () => Pick<RunningServices, 'url' | 'certificateEndsAt'> | undefined;
}

export interface AdminCaller {
  /** For records: `shell`, or the person's id. */
  readonly actor: string;
  readonly role: Role;
  /** For `mayManage`: the owner at the shell must always get back in (P6). */
  readonly standing: Role | 'shell';
  /** Undefined at the shell. */
  readonly person: string | undefined;
  readonly because: string | undefined;
  readonly trace: string;
}

/** The handlers of one part of the contract. */
export type HandlersOf<C extends Contract> = Handlers<C, AdminCaller>;
