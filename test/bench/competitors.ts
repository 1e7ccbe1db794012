/** Configurations of the servers that Postern is measured beside. One process each, in the foreground. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startProgram } from './child.ts';
import type { Run } from './measure.ts';

interface Place {
  readonly cores: string;
  readonly port: number;
}

function nginx(run: Run, name: string, place: Place, http: string): Promise<number> {
  const file = join(run.dir, `${name}.conf`);
  const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${join(run.dir, `${name}-${kind}`)};`,
  );
  writeFileSync(
    file,
    `daemon off; master_process off; pid ${join(run.dir, `${name}.pid`)}; error_log stderr crit;
events { worker_connections 4096; }
http {
  ${temp.join(' ')}
  keepalive_requests 1000000000; keepalive_timeout 300s;
  ${http}
}
`,
  );
  return startProgram(run, { program: 'nginx', args: ['-c', file, '-p', run.dir], ...place });
}

/** The app: `bytes` of text, as fast as nginx gives them. */
export function startApp(run: Run, place: Place, bytes: number): Promise<number> {
  const server = `server { listen 127.0.0.1:${place.port} backlog=1024; default_type text/plain; location / { return 200 ${'x'.repeat(bytes)}; } }`;
  return nginx(run, 'app', place, `access_log off; ${server}`);
}

const mutualTls = (dir: string) => `
    ssl_certificate ${join(dir, 'server.pem')}; ssl_certificate_key ${join(dir, 'server.key')};
    ssl_client_certificate ${join(dir, 'ca.pem')}; ssl_verify_client on; ssl_verify_depth 2;
    ssl_protocols TLSv1.3; ssl_session_tickets off;`;

const clientHeaders = 'proxy_set_header Host $host; proxy_set_header X-Forwarded-For $remote_addr;';

export interface Behind extends Place {
  /** Port of the app. */
  readonly app: number;
}

/** Mutual TLS in front of the app, and its access log. */
export function startNginxProxy(run: Run, { app, ...place }: Behind): Promise<number> {
  return nginx(
    run,
    'proxy',
    place,
    `access_log ${join(run.dir, 'proxy.log')};
  upstream app { server 127.0.0.1:${app}; keepalive 64; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:${place.port} ssl;${mutualTls(run.dir)}
    location / { proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection ""; ${clientHeaders} }
  }`,
  );
}

export interface Asking extends Behind {
  /** Port of the service that is asked. */
  readonly auth: number;
  /** Whether connections to app and service are kept, which nginx does only when told to. */
  readonly kept: boolean;
}

/** The same, and each request is put to a service first, whose answer names the person for the app. */
export function startNginxAuthRequest(run: Run, { app, auth, kept, ...place }: Asking): Promise<number> {
  const name = kept ? 'auth-request' : 'auth-request-plain';
  const keep = kept ? 'keepalive 64; keepalive_requests 1000000000;' : '';
  const version = kept ? 'proxy_http_version 1.1; proxy_set_header Connection "";' : '';
  return nginx(
    run,
    name,
    place,
    `access_log ${join(run.dir, `${name}.log`)};
  upstream app { server 127.0.0.1:${app}; ${keep} }
  upstream auth { server 127.0.0.1:${auth}; ${keep} }
  server {
    listen 127.0.0.1:${place.port} ssl;${mutualTls(run.dir)}
    location / {
      auth_request /auth; auth_request_set $user $upstream_http_x_user;
      proxy_pass http://app; ${version} ${clientHeaders} proxy_set_header X-User $user;
    }
    location = /auth {
      internal; proxy_pass http://auth; ${version}
      proxy_pass_request_body off; proxy_set_header Content-Length "";
    }
  }`,
  );
}

/** TLS ended, the client's certificate asked for, and TCP passed on. */
export function startHaproxy(run: Run, { app, ...place }: Behind): Promise<number> {
  const file = join(run.dir, 'haproxy.cfg');
  const tls = `ssl crt ${join(run.dir, 'both.pem')} ca-file ${join(run.dir, 'ca.pem')} verify required ssl-min-ver TLSv1.3`;
  writeFileSync(
    file,
    `global
  nbthread 1
  maxconn 4096
defaults
  mode tcp
  timeout connect 5s
  timeout client 1h
  timeout server 1h
frontend agents
  bind 127.0.0.1:${place.port} ${tls}
  default_backend app
backend app
  server app 127.0.0.1:${app}
`,
  );
  return startProgram(run, { program: 'haproxy', args: ['-db', '-q', '-f', file], ...place });
}
