/** How many connections one source may hold on a server for strangers (P27). */
import type { Server, Socket } from 'node:net';
import { type SourceLimits, WaitingRoom } from '#shared/wire/doors/waiting-room.ts';

export function limitSources(server: Pick<Server, 'on'>, limits: SourceLimits): void {
  const room = new WaitingRoom<Socket>(limits, (socket) => socket.destroy());
  server.on('connection', (socket: Socket) => {
    room.enter(socket, socket.remoteAddress);
    socket.once('close', () => room.leave(socket));
  });
}
