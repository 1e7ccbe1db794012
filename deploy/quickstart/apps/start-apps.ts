/** Starts the sample apps together: all of them, or none. */
import { startEcho } from './echo.ts';
import type { AppLog, AppOptions, RunningApp } from './http-app.ts';
import { startLive } from './live.ts';
import { startPayroll } from './payroll.ts';
import { startWiki } from './wiki.ts';

type HttpAppSettings = Pick<AppOptions, 'port' | 'keySetUrl' | 'publicOrigins'>;

export interface AppsSettings {
  /** 127.0.0.1 when not given. */
  readonly host?: string | undefined;
  readonly wiki: HttpAppSettings;
  readonly payroll: HttpAppSettings;
  readonly live: HttpAppSettings;
  readonly echo: Pick<AppOptions, 'port'>;
}

export type AppName = 'wiki' | 'payroll' | 'live' | 'echo';

export interface RunningApps {
  readonly ports: Readonly<Record<AppName, number>>;
  stop(): Promise<void>;
}

export async function startApps(settings: AppsSettings, log?: AppLog): Promise<RunningApps> {
  const common = { host: settings.host ?? '127.0.0.1', log };
  const started = await Promise.allSettled([
    startWiki({ ...settings.wiki, ...common }),
    startPayroll({ ...settings.payroll, ...common }),
    startLive({ ...settings.live, ...common }),
    startEcho({ ...settings.echo, ...common }),
  ]);
  const running = started.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  const stop = async () => {
    await Promise.all(running.map((app) => app.stop()));
  };
  const failures = started.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
  if (failures.length > 0) {
    await stop();
    throw new AggregateError(failures, `sample apps did not start: ${failures.map(String).join('; ')}`);
  }
  const [wiki, payroll, live, echo] = running as [RunningApp, RunningApp, RunningApp, RunningApp];
  return { ports: { wiki: wiki.port, payroll: payroll.port, live: live.port, echo: echo.port }, stop };
}
