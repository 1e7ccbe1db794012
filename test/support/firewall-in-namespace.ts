/** Runs inside a network namespace of its own, as root there: started by firewall-rules.test.ts. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { untilItWorks } from '../../deploy/quickstart/clients.ts';
import { factsFileOf } from '../../deploy/quickstart/configs.ts';
import { openStreams } from './open-streams.ts';
import { steerTriangle } from './steered-triangle.ts';

const nft = (rules: string) => execFileSync('nft', ['-f', '-'], { input: rules });

nft(`table inet filter {
  chain input {
    type filter hook input priority 0; policy drop;
    iif lo accept
    ct state established,related accept
  }
}`);

const triangle = await steerTriangle(t);
const emil = triangle.agents.emil;
await triangle.describe((bundle) => ({ ...bundle, posture: { ...bundle.posture, reportSeconds: 5 } }));

/** Everything else stays as the sample says; the firewall is measured. */
const file = factsFileOf(triangle.state, 'emil');
const { firewallOn: _, ...facts } = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
writeFileSync(file, JSON.stringify(facts));

t.test('measured as on', async (t) => {
  const { posture } = await emil.reportPosture({});
  t.match(
    posture.facts.find(({ fact }) => fact === 'firewallOn'),
    { status: 'pass', value: true, detail: 'nftables' },
  );
});

t.test('its rules are flushed while streams run', async (t) => {
  const running = await openStreams(triangle, 'emil', ['events', 'tunnel']);
  nft('flush ruleset');
  const began = performance.now();
  const ends = await Promise.all(
    running.map(async ({ kind, ended }) => `${kind} ${Math.round((await ended) - began)} ms`),
  );
  t.comment(`cut after the rules were flushed: ${ends.join(', ')}`);
  t.ok(performance.now() - began < 10_000, 'by the report of one interval');
  const { apps } = await untilItWorks(async () => {
    const listed = await emil.apps({});
    if (listed.apps.find(({ id }) => id === 'live')?.usable !== false) throw new Error('live is still usable');
    return listed;
  });
  t.match(apps.find(({ id }) => id === 'live')?.fixes, [{ text: /firewall/i }]);
});
