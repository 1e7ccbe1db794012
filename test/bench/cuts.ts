/** Revocation to cut inside one gateway process: from the message to the end that the client sees, with many live streams. */

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { httpApp } from '../support/gateway-apps.ts';
import { dial } from '../support/gateway-client.ts';
import { startDataPath } from '../support/start-data-path.ts';
import { type Bench, percentile } from './measure.ts';

const streams = 300;

export const cuts: Bench = {
  name: 'cuts',
  about: `revocation to cut, ${streams} live streams on mutual TLS, clients in the same process`,
  async run() {
    const app = createServer((_, res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      res.write('data: 1\n\n');
    }).listen(0, '127.0.0.1');
    await once(app, 'listening');
    const rig = await startDataPath([httpApp((app.address() as AddressInfo).port)]);
    const ended: number[] = [];
    const grant = rig.world.grant(rig.device);
    const all = [];
    for (let n = 0; n < streams; n++) {
      const socket = await dial(rig.world, rig.device, rig.port);
      socket.write(`GET /clock HTTP/1.1\r\nHost: wiki.corp.example\r\nPostern-Grant: ${grant}\r\n\r\n`);
      const [head] = (await once(socket, 'data')) as [Buffer];
      if (!head.toString().startsWith('HTTP/1.1 200')) throw new Error(`the stream was not given: ${head.toString()}`);
      socket.resume();
      socket.on('error', () => {});
      all.push(once(socket, 'close').then(() => ended.push(performance.now())));
    }
    const began = performance.now();
    const cut = rig.revoke('person', 'anna');
    await Promise.all(all);
    await rig.path.stop();
    app.closeAllConnections();
    app.close();
    const took = ended.map((at) => at - began);
    return [
      {
        what: `${cut} streams cut`,
        measured: `p50 ${percentile(took, 0.5).toFixed(0)} ms, p99 ${percentile(took, 0.99).toFixed(0)} ms`,
      },
    ];
  },
};
