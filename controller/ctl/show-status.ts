/** `posternctl status` on one screen. */
import { safeText } from '#shared/base/print-table.ts';
import type { adminSystem } from '#shared/contracts/admin-system.ts';
import type { AnswerOf } from '#shared/contracts/route.ts';
import { plural, span, when } from './show.ts';

type Status = AnswerOf<(typeof adminSystem)['status']>;

export function showStatus(status: Status, out: (line: string) => void): void {
  const { organisation, version, time, change, epoch, gateways, certificates, todo } = status;
  out(safeText(`${organisation}  Postern ${version}  ${when(time)}  change ${change}, policy version ${epoch}`));
  const { people, devices, sessions, apps, grants, records } = status;
  const counts = [
    people === 1 ? '1 person' : `${people} people`,
    plural(devices, 'device'),
    plural(sessions, 'session'),
    plural(apps, 'app'),
    `${plural(grants, 'grant')} alive`,
    plural(records, 'record'),
  ];
  out(counts.join(', '));
  for (const { id, site, address, state, connection, records } of gateways) {
    const told = connection === 'away' || records?.refusing === undefined ? '' : ', gives no access';
    if (state !== 'gone') out(`gateway ${id}  site ${site}  ${address}  ${state}, ${connection}${told}`);
  }
  for (const { name, endsAt } of certificates) out(`certificate of ${name} ends in ${span(endsAt - time)}`);
  if (status.services !== undefined) out(`services (AuthZEN) at ${safeText(status.services)}`);
  for (const { name, kind, state, behind } of status.logStreams)
    out(`log stream ${name}  ${kind}  ${state}, ${plural(behind, 'record')} behind`);
  out('');
  if (todo.length === 0) out('All is well.');
  for (const text of todo) out(`! ${safeText(text)}`);
}
