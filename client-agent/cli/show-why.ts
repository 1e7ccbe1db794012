/** `postern why [app]`: the last refusals, each with its reason, what would change it, and the trace that admins search for. */
import type { CliCall } from '#shared/base/cli.ts';
import { safeText } from '#shared/base/print-table.ts';
import type { Refused } from '../agent-api.ts';
import type { ControlStatus } from '../control/control-contract.ts';
import { placeOf, withAgent } from './with-agent.ts';
import { ago, answer, forClient, troubleWords, wayWords } from './words.ts';

const maxShown = 10;

export async function showWhy(call: CliCall): Promise<void> {
  const [app] = call.args;
  const { refused, state } = await withAgent(call, async ({ calls }) => ({
    ...(await calls.why({ query: app === undefined ? {} : { app } })),
    state: (await calls.status()).state,
  }));
  const standing = whatStandsInTheWay(state, await placeOf(call));
  answer(call, { refused }, () => {
    if (refused.length === 0)
      call.io.out(`Nothing${app === undefined ? '' : ` of ${safeText(app)}`} was refused since the agent was started.`);
    if (standing !== undefined) call.io.out(standing);
    for (const way of state.ways.filter(({ isFailing }) => isFailing)) call.io.out(`${way.door}: ${wayWords(way)}`);
    for (const one of refused.slice(0, maxShown)) call.io.out(describeRefusal(one));
    if (refused.length > maxShown) call.io.err(`... and ${refused.length - maxShown} older ones: --json shows all.`);
  });
}

/** What the agent itself refuses everything for, before any app is asked: such requests are no refusals of an app. */
function whatStandsInTheWay(
  { device, session, controller }: ControlStatus['state'],
  place: string,
): string | undefined {
  if (controller.trouble !== undefined) return `Nothing new opens now. ${troubleWords(controller.trouble)}`;
  if (device.state !== 'active' && device.state !== 'pending')
    return `Nothing works now: this device is ${safeText(device.state)}. Ask your administrator.`;
  if (!session.signedIn) return `Nothing works now: you are signed out. Run: postern login${place}`;
  return undefined;
}

function describeRefusal({
  at,
  app,
  by,
  gateway,
  code,
  title,
  detail,
  fixes,
  trace,
  request,
  client,
}: Refused): string {
  const what = request === undefined ? '' : `: ${request.method} ${request.host}${request.path}`;
  const who = gateway === undefined ? `the ${by}` : `gateway ${gateway}`;
  return [
    `${app}${forClient(client)}${what}`,
    `  ${ago(Date.now() - at)}, refused by ${who}: ${detail ?? title} (${code})`,
    ...fixes.map(({ text }) => `  - ${text}`),
    `  trace ${trace}`,
  ]
    .map(safeText)
    .join('\n');
}
