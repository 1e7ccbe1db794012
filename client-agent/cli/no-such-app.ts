/** Why an app is not there: nobody is signed in, or it is none of this person's. */
import { PosternError } from '#shared/base/errors.ts';
import type { Control } from '../control/open-control.ts';

/** Rejects with `session-required` when nobody is signed in: without a session there are no apps to tell of. */
export async function requireSession({ calls }: Control): Promise<void> {
  const { state } = await calls.status();
  if (!state.session.signedIn) throw new PosternError('session-required', 'Sign in to go on.');
}

/** Rejects when this person has no such app; `place` goes behind the command to run. */
export async function requireApp(control: Control, app: string, place: string): Promise<'http' | 'tcp'> {
  const { apps } = await control.calls.apps();
  const found = apps.find(({ id }) => id === app);
  if (found !== undefined) return found.kind;
  await requireSession(control);
  const tell = `You have no app called ${app}. See: postern apps${place}`;
  throw new PosternError('not-allowed', tell, { tell });
}
