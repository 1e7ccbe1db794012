/** The clients of `postern client add` of a profile's directory, without an agent around them. */
import { chmodSync } from 'node:fs';
import { type Clock, systemClock } from '#shared/base/clock.ts';
import { type Log, silentLog } from '#shared/base/log.ts';
import { ClientBook } from '../../client-agent/clients/client-book.ts';
import { ClientDesk } from '../../client-agent/clients/client-desk.ts';
import { ProfileDirectory } from '../../client-agent/keystore/profile-directory.ts';

export function makeClients(directory: string, clock: Clock = systemClock, log: Log = silentLog): ClientDesk {
  chmodSync(directory, 0o700);
  return new ClientDesk({ book: new ClientBook(new ProfileDirectory(directory)), clock, log });
}
