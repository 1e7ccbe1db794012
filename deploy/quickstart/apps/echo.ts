/**
 * The TCP app: talk to it line by line. Raw TCP has no headers, so it knows nothing about who is asking; that Postern
 * let the connection through is all there is, and that it cuts it when the person may no longer be here.
 */
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { AppOptions, RunningApp } from './http-app.ts';

const banner = 'Hello from echo. Commands: time, ticks, stop, quit. Everything else comes back louder.\n';
const longestLine = 4 * 1024;

export async function startEcho(options: Pick<AppOptions, 'port' | 'host' | 'log'>): Promise<RunningApp> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    socket.on('error', (error) => options.log?.warn({ app: 'echo', reason: error.message }, 'connection failed'));
    talk(socket);
  });
  const port = await listen(server, options);
  options.log?.info({ app: 'echo', host: options.host, port }, 'listening');
  return {
    port,
    stop() {
      for (const socket of open) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function talk(socket: Socket): void {
  let lines = 0;
  let ticks = 0;
  let ticking: NodeJS.Timeout | undefined;
  const say = (text: string) => {
    // Who does not read is not heard either, so that answers do not pile up here.
    if (!socket.writable || socket.write(`${text}\n`) || socket.isPaused()) return;
    socket.pause().once('drain', () => socket.resume());
  };
  const answers: Readonly<Record<string, () => void>> = {
    time: () => say(new Date().toISOString()),
    ticks: () => {
      ticking ??= setInterval(() => {
        if (!socket.writableNeedDrain) say(`tick ${++ticks}`);
      }, 1000);
      say('ticking');
    },
    stop: () => {
      clearInterval(ticking);
      ticking = undefined;
      say('stopped');
    },
    quit: () => socket.end('bye\n'),
  };

  socket.write(banner);
  limitLines(socket);
  createInterface({ input: socket, crlfDelay: Number.POSITIVE_INFINITY })
    .on('line', (line) => {
      const answer = Object.hasOwn(answers, line.trim()) ? answers[line.trim()] : undefined;
      if (answer === undefined) say(`${++lines} ${line.toUpperCase()}`);
      else answer();
    })
    // It repeats the socket's error, which is told of above; unheard, a connection that is reset would end the process.
    .on('error', () => {});
  socket.on('close', () => clearInterval(ticking));
}

/** `readline` would gather a line of any length; a longer one than `longestLine` ends the connection. */
function limitLines(socket: Socket): void {
  let length = 0;
  socket.on('data', (chunk: Buffer) => {
    const newline = chunk.lastIndexOf('\n');
    length = newline === -1 ? length + chunk.length : chunk.length - newline - 1;
    if (length > longestLine) socket.destroy();
  });
}

function listen(server: Server, { port, host }: Pick<AppOptions, 'port' | 'host'>): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port));
  });
}
