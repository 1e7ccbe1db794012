/** What the doctor says of a way in use that is not the best one. */
import t from 'tap';
import type { WaySeen } from '../../../client-agent/diagnosis/evidence.ts';
import { judge } from '../../../client-agent/diagnosis/judge.ts';
import { evidence, hour } from './seen.ts';

t.test('udp: blocked, and another way works', (t) => {
  const knock = {
    rung: 'udp 62201 + prelude',
    leg: 'knock',
    how: 'outrun',
    detail: 'no answer',
    afterMs: 700,
  } as const;
  const above = [knock.rung];
  const way = {
    door: 'controller',
    rung: 'prelude at 443',
    above,
    isFailing: false,
    lookedMsAgo: 0,
    failures: [knock],
  };
  const shown = (...ways: WaySeen[]) => {
    const { trouble, findings } = judge(evidence({ ways }));
    t.equal(trouble, undefined, 'nothing is in the way');
    return findings.filter(({ leg }) => leg === 'udp').map(({ ok, detail }) => `${ok}: ${detail}`);
  };
  t.same(shown(way), [
    'undefined: UDP is blocked on the way, or knock and connection leave by different addresses (carrier NAT): udp 62201 + prelude opened no port at the controller when the way was last looked for; prelude at 443 works',
  ]);
  const held = { ...way, door: 'gateway gw1', lookedMsAgo: hour / 2, failures: [{ ...knock, how: 'EPERM' }] };
  t.match(shown(way, held), [
    /at the controller/,
    /^undefined: a firewall of this device holds UDP back \(EPERM\): .* at the gateway gw1 when the way was last looked for, 30 min ago;/,
  ]);
  t.match(shown({ ...way, lookedMsAgo: 2 * hour, failures: [] }), [
    /^undefined: udp 62201 \+ prelude did not lead at the controller when the way was last looked for, 2 h ago; prelude at 443 works$/,
  ]);
  t.same(shown({ ...way, above: [] }), [], 'the first rung leads there');
  t.same(shown({ ...way, above: ['prelude'] }), [], 'no knock by UDP would come before it');
  t.same(shown({ ...way, isFailing: true }), [], 'nothing leads there');
  t.end();
});
