/** `postern up`: runs the agent until a signal ends it. Its parts are loaded here, so that the other commands stay small. */
import type { CliCall } from '#shared/base/cli.ts';
import { systemClock } from '#shared/base/clock.ts';
import { stopOnSignals } from '#shared/base/lifecycle.ts';
import { createLog } from '#shared/base/log.ts';
import { placeArguments } from './cli/place-arguments.ts';
import { loadAgentConfig } from './load-agent-config.ts';

export async function runUp(call: CliCall): Promise<number> {
  const config = loadAgentConfig(call);
  if (call.values['check-config'] === true) {
    call.io.out(call.json ? JSON.stringify(config) : 'The configuration is valid.');
    return 0;
  }
  const { keepRecentLogs } = await import('./control/recent-logs.ts');
  const { startAgent } = await import('./wiring.ts');
  const { startLocal } = await import('./from-apps/start-local.ts');
  const recent = keepRecentLogs();
  const log = createLog('postern', config.logLevel, recent.add);
  const agent = await startAgent(config, { clock: systemClock, log, startLocal, recentLogs: recent.lines });
  stopOnSignals(agent, log);
  const { person, organisation } = agent.state();
  const local = agent.local();
  if (call.json) call.io.out(JSON.stringify({ ready: true, pid: process.pid, socket: agent.socket, local }));
  else {
    call.io.err(`postern is up for ${person.name} at ${organisation}`);
    for (const { name, address } of local) call.io.err(`  ${name}: ${address}`);
    call.io.err(`To open the portal in your browser: postern open${placeArguments(agent.directory, config.profile)}`);
  }
  // The servers keep the process alive; `runCli` must not return before a signal ends it.
  return new Promise<number>(() => {});
}
