/** Sessions that nobody has: what would be decided if somebody signed in. */
import { hour, second } from '#shared/base/clock.ts';
import type { Facts } from './facts.ts';

type Session = NonNullable<Facts['session']>;

/** RFC 8176. What a sign-in gives, whatever the person has set up (finish-sign-in.ts). */
const signInMethods = ['pwd', 'otp', 'mfa'];
const secondFactorMethods = ['otp', 'mfa'];

/** Of a sign-in of this moment, with every factor. */
export const signedInAt = (at: number): Session => ({
  id: 'ses_supposed',
  methods: signInMethods,
  startedAt: at,
  endsAt: at + hour,
  secondFactorAt: at,
});

/** The same session, whose second factor was confirmed then, or never. */
export function withSecondFactor(session: Session, secondFactorAt: number | null): Session {
  const others = session.methods.filter((method) => !secondFactorMethods.includes(method));
  if (secondFactorAt === null) return { ...session, methods: others, secondFactorAt };
  const startedAt = Math.min(session.startedAt, secondFactorAt);
  return { ...session, methods: [...others, ...secondFactorMethods], secondFactorAt, startedAt };
}

/** Of somebody who signs in now as they did the last time; by a password alone when they never did. */
export const signedInLike = (last: Pick<Session, 'methods' | 'secondFactorAt'> | null, at: number): Session => ({
  ...signedInAt(at),
  methods: last?.methods ?? ['pwd'],
  secondFactorAt: last === null || last.secondFactorAt === null ? null : at,
});

/** `age` in seconds: negative for never, undefined for as it is. */
export const withFactorAge = (session: Session, age: number | undefined, at: number): Session =>
  age === undefined ? session : withSecondFactor(session, age < 0 ? null : at - age * second);
