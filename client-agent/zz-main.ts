import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { systemClock } from '#shared/base/clock.ts';
import { createLog } from '#shared/base/log.ts';
import { loadConfig } from '#shared/base/config.ts';
import { agentConfig } from './config.ts';
import { startAgent, profileDirectory } from './wiring.ts';
import { startLocal } from './from-apps/start-local.ts';
import { enrol } from './to-controller/enrol.ts';
import { Keystore } from './keystore/keystore.ts';
void parse;
const [cmd, , file] = process.argv.slice(2);
const config = loadConfig(agentConfig, { file: file!, env: {} });
const log = createLog('postern', 'info');
if (cmd === 'enrol') {
  const keystore = new Keystore(profileDirectory(config));
  const e = await enrol({ keystore, invitation: readFileSync(0, 'utf8'), facts: { os: 'linux', hostName: 'x' }, clock: systemClock, log });
  keystore.close();
  console.log(JSON.stringify(e.person));
} else {
  const agent = await startAgent(config, { clock: systemClock, log, startLocal });
  process.on('SIGTERM', () => void Promise.resolve(agent.stop()).then(() => process.exit(0)));
}
