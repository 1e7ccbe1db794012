/**
 * P35: an operator of the controller with every right rewrites the log, its tree and its tiles, and the real key signs them. Nothing on that
 * machine contradicts anything; an old checkpoint of a gateway, of a file, of a receiver or of a witness does.
 */
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { untilItWorks } from '../../deploy/quickstart/clients.ts';
import { runTool } from '../support/journey-tools.ts';
import { rewriteLog, sizeOf, startLogProcesses } from '../support/log-processes.ts';
import { startNoteReceiver } from '../support/note-receiver.ts';
import { root } from '../support/source-tree.ts';
import { startWitness } from '../support/test-witness.ts';

const world = await startLogProcesses(t);
const { controller, gateway, ctl } = world;
// The third record is what will be rewritten: a checkpoint of fewer leaves is contradicted by nothing.
const old = await world.keepsMore(2);
const dir = t.testdir();
const early = join(dir, 'early');
writeFileSync(early, old);
const before = await ctl(['log', 'verify', '--from', early]);

/** What stands outside by then: lines of a file that was copied away, a note that was posted, one that a witness signed. */
const [notary, witness] = [await startNoteReceiver(t), await startWitness(t)];
witness.trust((await world.admin().logHead()).keys[0]!.key);
const plain = { plain: true } as const;
await world.admin().addLogAnchor({ body: { name: 'safe', kind: 'file' } });
await world.admin().addLogAnchor({ body: { name: 'notary', kind: 'url', url: notary.url, ...plain } });
await world
  .admin()
  .addLogAnchor({ body: { name: 'w1', kind: 'witness', url: witness.url, witnessKey: witness.key, ...plain } });
await untilItWorks(async () => {
  const { items } = await world.admin().logAnchors();
  if (items.some(({ size }) => size === 0)) throw new Error('not everywhere yet');
});
const seen = await ctl(['log', 'verify', '--witness', witness.key]);
const outside = { file: join(dir, 'safe.jsonl'), url: join(dir, 'posted'), witness: join(dir, 'signed') };
copyFileSync(join(controller, 'anchors/safe.jsonl'), outside.file);
writeFileSync(outside.url, notary.got[0]!.body);
writeFileSync(outside.witness, [...witness.signed.values()][0]!.note);
await world.stopController();
rewriteLog(controller);
await world.startController();

t.test('P35 the gateway raises the alarm, keeps the good checkpoint, and both as evidence', async (t) => {
  t.match([before, seen], [{ code: 0 }, { code: 0 }], 'all was well');
  const health = await untilItWorks(async () => {
    const answer = (await (await fetch(`http://127.0.0.1:${world.ports.gatewayMetrics}/health`)).json()) as {
      log: { state: string; size: number };
    };
    if (answer.log.state !== 'inconsistent') throw new Error('no alarm yet');
    return answer;
  }, 60_000);
  t.match(health, { log: { size: sizeOf(world.kept()!.checkpoint!) } });
  const metrics = await (await fetch(`http://127.0.0.1:${world.ports.gatewayMetrics}/metrics`)).text();
  t.match(metrics, /^postern_gateway_log_inconsistent 1$/m);
  const shown = await runTool(join(root, 'bin/postern-gateway'), ['log', 'show', '--dir', gateway, '--json']);
  t.equal(shown.code, 1, shown.stderr);
  const { checkpoint, evidence } = JSON.parse(shown.stdout) as { checkpoint: string; evidence: string[] };
  t.ok(sizeOf(checkpoint) >= sizeOf(old));
  t.equal(readFileSync(`${evidence[0]}.kept`, 'utf8'), checkpoint);
  t.not(readFileSync(`${evidence[0]}.shown`, 'utf8'), checkpoint);
  t.match(
    readFileSync(join(gateway, '..', 'logs/gateway.log'), 'utf8'),
    /ALARM: the controller shows a log that does not go on/,
  );
});

t.test('P35 the alarm is on record, and an honest controller signs nothing any more', async (t) => {
  const alarm = await untilItWorks(async () => {
    const { records } = await world.admin().records({ query: { kind: 'gateway,log', limit: 1000 } });
    const found = records.filter(({ event }) => event === 'log-inconsistent' || event === 'log-contradicted');
    if (found.length < 2) throw new Error('not told yet');
    return found;
  }, 60_000);
  t.same(new Set(alarm.map(({ event }) => event)), new Set(['log-inconsistent', 'log-contradicted']));
  const known = await ctl(['log', 'known']);
  t.equal(known.code, 1);
  t.match(known.stdout, /gateway\/gw-main.*forked/);
  t.match(await ctl(['log', 'resume', '--reason', 'test']), { code: 1, stderr: /gateway\/gw-main|witness w1/ });
});

t.test(
  'P35 the controller finds nothing wrong with its log, until it is held against the old checkpoint',
  async (t) => {
    const alone = await ctl(['log', 'verify']);
    t.match(alone.stdout, /is whole/, 'as everything was rewritten');
    const held = await ctl(['log', 'verify', '--from', early]);
    t.equal(held.code, 1);
    t.match(held.stdout, /does not go on from the checkpoint of/);
  },
);

t.test('P35 an owner opens another log that names this one: it is followed, and told as an alarm', async (t) => {
  t.match(await ctl(['log', 'new', '--reason', 'the database was tampered with']), { code: 0 });
  await untilItWorks(async () => {
    if (!/log\/2\n/.test(world.kept()?.checkpoint ?? '')) throw new Error('not followed yet');
  }, 60_000);
  const kept = world.kept()!;
  t.match(kept.former.at(-1), { checkpoint: /log\/1\n/ }, 'the old checkpoint is still kept');
  await untilItWorks(async () => {
    const { records } = await world.admin().records({ query: { kind: 'gateway,log', limit: 1000 } });
    for (const event of ['log-replaced', 'log-opened'])
      if (!records.some((record) => record.event === event)) throw new Error(`${event} is not told yet`);
  }, 60_000);
  t.match(await runTool(join(root, 'bin/postern-gateway'), ['log', 'settle', '--dir', gateway]), { code: 0 });
  t.match(await runTool(join(root, 'bin/postern-gateway'), ['log', 'show', '--dir', gateway]), { code: 0 });
});
