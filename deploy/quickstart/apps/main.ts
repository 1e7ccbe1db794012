/**
 * The sample apps as one process. Settings (`AppsSettings`) are JSON, the first argument or `SAMPLE_APPS` in the
 * environment. Prints one line when ready, `{"ready":true,"ports":{"wiki":...}}`; logs go to standard error. Ends at
 * SIGTERM and SIGINT, and, started with an IPC channel, when its parent is gone.
 */
import type { AppLog } from './http-app.ts';
import { type AppsSettings, startApps } from './start-apps.ts';

function readSettings(): AppsSettings {
  const text = process.argv[2] ?? process.env['SAMPLE_APPS'];
  if (text === undefined)
    throw new Error('settings are missing: give them as JSON in the first argument or SAMPLE_APPS');
  const settings = JSON.parse(text) as AppsSettings;
  const unusable = (['wiki', 'payroll', 'live', 'echo'] as const).filter(
    (app) => !Number.isInteger(settings[app]?.port) || (app !== 'echo' && !URL.canParse(settings[app].keySetUrl)),
  );
  if (unusable.length > 0)
    throw new Error(`settings need a port, and a keySetUrl for HTTP apps: ${unusable.join(', ')}`);
  return settings;
}

function createLineLog(): AppLog {
  const write = (level: string) => (fields: object, message: string) =>
    process.stderr.write(`${JSON.stringify({ level, name: 'sample-apps', ...fields, message })}\n`);
  return { info: write('info'), warn: write('warn') };
}

async function main(): Promise<void> {
  const apps = await startApps(readSettings(), createLineLog());
  const stop = () => void apps.stop().then(() => process.exit(0));
  process.once('SIGTERM', stop).once('SIGINT', stop).once('disconnect', stop);
  process.stdout.write(`${JSON.stringify({ ready: true, ports: apps.ports })}\n`);
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
