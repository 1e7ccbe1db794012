/** What a newcomer reads when the triangle is up: who there is, and five things to try, each one line to paste. */
import { relative } from 'node:path';
import { factsFileOf, portsOf } from './configs.ts';
import { linkFile } from './links.ts';
import type { Ports } from './ports.ts';
import { adminSocket, agentSocket } from './start-triangle.ts';
import { type PersonId, people, type SampleUser, type StateFile } from './state.ts';

export interface Told {
  readonly state: StateFile;
  readonly ports: Ports;
  readonly people: Readonly<Record<PersonId, SampleUser>>;
  readonly readyMs: number;
}

const portalPort = (ports: Ports, person: PersonId) => ports[`${portsOf[person]}Portal`];
const portal = (ports: Ports, person: PersonId) => `http://postern.localhost:${portalPort(ports, person)}`;

/** As one types it here: relative below this directory, absolute elsewhere. */
function nearName(path: string): string {
  const near = relative(process.cwd(), path) || '.';
  return near.startsWith('..') ? path : near;
}

export function describeAsJson({ state, ports, people: users, readyMs }: Told) {
  const person = (id: PersonId) => {
    const { name, role, password, totpSecret } = users[id];
    return {
      name,
      role,
      password,
      totpSecret,
      portal: portal(ports, id),
      link: linkFile(state, id),
      agentSocket: agentSocket(state, id),
      profile: state.path('agents', id, 'profile'),
      factsFile: factsFileOf(state, id),
    };
  };
  return {
    ready: true,
    readyMs,
    dir: state.dir,
    adminSocket: adminSocket(state),
    ports,
    people: Object.fromEntries(people.map((id) => [id, person(id)])),
  };
}

export function welcome({ state, ports, people: users, readyMs }: Told): string {
  const at = (app: string, person: PersonId) => `http://${app}.localhost:${portalPort(ports, person)}`;
  const here = nearName(state.dir);
  const ctl = `bin/posternctl --socket ${here}/controller/admin.sock`;
  const row = (id: PersonId) =>
    `  ${users[id].name.padEnd(16)} ${users[id].role.padEnd(9)} ${portal(ports, id)}   file://${linkFile(state, id)}\n` +
    `  ${''.padEnd(16)} password ${users[id].password}   code: npm start -- --dir ${here} --code ${id}\n`;
  return `
Postern is up (${(readyMs / 1000).toFixed(1)} s). Open a file below in a browser: it lets the browser in to that person's portal, once.

${people.map(row).join('\n')}
Five things to try, each in another terminal:

  1. An app that knows who you are, through the agent of emil
     curl -sL ${at('wiki', 'emil')}/pages/home | grep -iE 'hello|welcome'

  2. The payroll export: finance only, encrypted device, a second factor within 15 minutes
     curl -s -X POST ${at('payroll', 'emil')}/reports/2026-10/export

  3. The same as olivia, who is not in finance: refused, with the reason and a trace
     curl -s -X POST ${at('payroll', 'olivia')}/reports/2026-10/export

  4. A live stream, cut within a moment; it signs emil out: let him in again on his portal, or with bin/postern login
     (sleep 3; ${ctl} revoke person emil --reason demonstration) & curl -sN ${at('live', 'emil')}/clock

  5. What happened, as an auditor sees it
     ${ctl} log search --person emil

As emil in a terminal: bin/postern status --dir ${here}/agents/emil/profile   (or apps, why, posture, logout, login)
As the owner:          ${ctl} status   (or person list, app list; --help lists all)

Turn the firewall of emil's device off in ${nearName(factsFileOf(state, 'emil'))} and some seconds later the live app is gone, until it is on again.
Ctrl-C stops everything; the next start finds it as it was. Logs: ${here}/logs
`;
}
