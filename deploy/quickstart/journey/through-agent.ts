/** Requests as any program of the employee makes them: plain HTTP to the agent's port, the app's name as Host. */
import { request as httpRequest, type IncomingMessage } from 'node:http';

export interface AppAsk {
  readonly port: number;
  readonly app: string;
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface AppAnswer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
}

export function openThroughAgent({ port, app, method = 'GET', path, headers }: AppAsk): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const host = `${app}.localhost:${port}`;
    const request = httpRequest({ host: '127.0.0.1', port, method, path, headers: { host, ...headers }, agent: false });
    request.once('response', resolve).once('error', reject).end();
  });
}

export async function askThroughAgent(ask: AppAsk): Promise<AppAnswer> {
  const response = await openThroughAgent(ask);
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return { status: response.statusCode ?? 0, headers: response.headers, text: Buffer.concat(chunks).toString() };
}
