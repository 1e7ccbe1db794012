/** What the agent tells of itself, gathered from its parts. */
import type { Clock } from '#shared/base/clock.ts';
import { checkName } from '#shared/contracts/posture.ts';
import type { Ladders } from '#shared/wire/doors/ladders.ts';
import type { AgentState, PostureShown } from './agent-api.ts';
import type { Trouble } from './diagnosis/legs.ts';
import type { Keystore } from './keystore/keystore.ts';
import type { CertificateCare } from './to-controller/certificate-care.ts';
import type { ControllerLink } from './to-controller/controller-link.ts';
import type { Sessions } from './to-controller/sessions.ts';

export interface StateParts {
  readonly profile: string;
  readonly keystore: Keystore;
  readonly sessions: Sessions;
  readonly link: ControllerLink;
  readonly ladders: Ladders;
  readonly care: CertificateCare;
  readonly clock: Clock;
  /** The controller's time, by which certificates end. */
  readonly time: Clock;
  readonly trouble: () => Trouble | undefined;
  readonly posture: () => PostureShown | undefined;
  readonly eventsOpen: () => boolean;
}

export function describeState(parts: StateParts): AgentState {
  const { profile, keystore, sessions, link, care, clock, time, posture, eventsOpen } = parts;
  const { organisation, person, device, state, fingerprint, firstFactors, controllers } = keystore.enrolment;
  const now = clock.now();
  const signedIn = sessions.isSignedIn();
  const expiresInMs = sessions.expiresInMs();
  const { failure, clockOffsetMs } = link;
  const trouble = parts.trouble();
  return {
    profile,
    organisation,
    person,
    device: { id: device, state, fingerprint, firstFactors },
    session: { signedIn, idle: signedIn && sessions.isIdle(), ...(expiresInMs === undefined ? {} : { expiresInMs }) },
    controller: {
      reachable: link.reachable,
      addresses: controllers,
      ...(failure === undefined ? {} : { failure }),
      ...(trouble === undefined ? {} : { trouble }),
      events: eventsOpen(),
    },
    ways: describeWays(parts.ladders, now),
    certificate: { endsInMs: care.endsAt - time.now(), renewsInMs: care.renewsAt - time.now() },
    posture: describePosture(posture(), now),
    ...(clockOffsetMs === undefined ? {} : { clockOffsetMs }),
  };
}

/** Of the doors that were tried since the agent was started. */
function describeWays(ladders: Ladders, now: number): AgentState['ways'] {
  return ladders.all().flatMap(({ name, state }) => {
    const { address, rung, above, isFailing, failedAt, lookedAt = now, failures } = state;
    if (address === undefined) return [];
    const known = rung === undefined ? {} : { rung };
    const failed = failedAt === undefined ? {} : { failedMsAgo: now - failedAt };
    return [{ door: name, address, ...known, above, isFailing, ...failed, lookedMsAgo: now - lookedAt, failures }];
  });
}

function describePosture(posture: PostureShown | undefined, now: number): AgentState['posture'] {
  if (posture === undefined) return { failing: [], unknown: [] };
  const named = [
    ...posture.facts.map(({ fact, status }) => ({ name: fact as string, status })),
    ...posture.checks.map(({ id, status }) => ({ name: checkName(id), status })),
  ];
  const withStatus = (wanted: string) => named.filter(({ status }) => status === wanted).map(({ name }) => name);
  return {
    ...(posture.seq === undefined ? {} : { reportedMsAgo: now - posture.reportedAt }),
    failing: withStatus('fail'),
    unknown: withStatus('unknown'),
  };
}
