/** What the steps of the journey hand on to each other. */
import type { AdminClient, AgentClient } from '../clients.ts';
import type { Triangle } from '../start-triangle.ts';
import type { PersonId, SampleUser } from '../state.ts';

export interface RecordWanted {
  readonly kind?:
    | 'gateway'
    | 'access'
    | 'grant'
    | 'sign-in'
    | 'enrolment'
    | 'posture'
    | 'revocation'
    | 'policy'
    | 'admin'
    | 'factor';
  readonly person?: PersonId;
  readonly verdict?: 'allow' | 'deny';
  readonly app?: string;
}

export interface Walk {
  readonly triangle: Triangle;
  admin?: AdminClient;
  invitations?: Record<PersonId, string>;
  emil?: AgentClient;
  olivia?: AgentClient;
  user?: SampleUser;
  /** The record that the step just made is shown for. */
  wanted?: RecordWanted;
}

export interface Step {
  readonly name: string;
  /** Returns what to tell; throws when something was not as it should be. */
  readonly run: (walk: Walk) => Promise<readonly string[]>;
}

export function must<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('an earlier step did not leave what this one needs');
  return value;
}

export function expect(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise);
}
