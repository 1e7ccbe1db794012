/** The last step: what is taken back ends while it runs. */
import { once } from 'node:events';
import { openThroughAgent } from './through-agent.ts';
import { expect, must, type Step } from './walk.ts';

export const cutStep: Step = {
  name: 'revoked: a live stream of emil is cut while it runs',
  async run(walk) {
    const port = walk.triangle.ports.employeePortal;
    const stream = await openThroughAgent({ port, app: 'live', path: '/clock' });
    expect(stream.statusCode === 200, `status ${stream.statusCode}`);
    await once(stream, 'data');
    stream.resume();
    const ended = new Promise<number>((resolve) => {
      const end = () => resolve(performance.now());
      stream.once('close', end).once('error', end);
    });
    const began = performance.now();
    const report = await must(walk.admin).revoke({
      body: { kind: 'person', id: 'emil', because: 'the journey shows it' },
    });
    const ms = Math.round((await ended) - began);
    expect(report.complete, 'not every gateway confirmed');
    expect(
      report.gateways.some((gateway) => gateway.streamsCut > 0),
      'no gateway says that it cut a stream',
    );
    walk.wanted = { kind: 'revocation' };
    return [
      `the stream ended ${ms} ms after the command was given; ${report.grants} grants taken back`,
      ...report.gateways.map(
        (gw) =>
          `gateway ${gw.gateway}: ${gw.state} after ${gw.appliedAfterMs} ms, ${gw.streamsCut} stream${gw.streamsCut === 1 ? '' : 's'} cut`,
      ),
    ];
  },
};
