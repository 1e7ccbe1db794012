/** `postern apps`: what this person may use, and why not now. */
import type { CliCall } from '#shared/base/cli.ts';
import { printTable, safeText } from '#shared/base/print-table.ts';
import { viewApp } from '../portal/app-view.ts';
import { requireSession } from './no-such-app.ts';
import { placeOf, withAgent } from './with-agent.ts';
import { answer } from './words.ts';

export async function showApps(call: CliCall): Promise<void> {
  const { apps, port } = await withAgent(call, async (control) => {
    await requireSession(control);
    const { local } = await control.calls.status();
    return { ...(await control.calls.apps()), port: portOf(local) };
  });
  const place = await placeOf(call);
  const views = apps.map((app) => viewApp(app, port, place));
  answer(call, { apps: views }, () => {
    call.io.out(
      printTable(
        views.map((app) => ({
          app: app.id,
          name: app.name,
          kind: app.kind,
          usable: app.usable,
          address: app.kind === 'http' ? app.hosts[0] : `${app.hosts[0]}:${app.port}`,
          how: app.link ?? app.command,
        })),
        ['app', 'name', 'kind', 'usable', 'address', 'how'],
      ),
    );
    for (const { id, usable, why, fixes } of views) {
      if (usable) continue;
      call.io.out(`\n${id}: ${safeText(why ?? 'not usable now')}`);
      for (const fix of fixes) call.io.out(`  - ${safeText(fix.text)}`);
    }
  });
}

function portOf(local: readonly { readonly name: string; readonly address: string }[]): number {
  const portal = local.find(({ name }) => name === 'portal');
  return portal === undefined ? 7070 : Number(new URL(portal.address).port || 80);
}
