/** An employee's morning in a real browser: signed out, signed in, an app, a step-up that an app waits for. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { currentTotp } from '#shared/crypto/totp.ts';
import { untilItWorks } from '../../deploy/quickstart/clients.ts';
import { launchChromium, needsChromium, type Tab } from '../support/chromium.ts';
import { privateDir } from '../support/journey-tools.ts';
import { type RunningTriangle, startTriangle } from '../support/triangle.ts';

/** As the quickstart's own journey does: a factor of this very moment is wanted, and his is older. */
async function wantFreshFactor({ admin, agents }: RunningTriangle): Promise<void> {
  const { files } = await admin.policy({ query: {} });
  const stricter = files.map(({ id, text }) => ({
    id,
    text: text.replace('secondFactorAge <= 900', 'secondFactorAge <= 2'),
  }));
  await admin.publishPolicy({ body: { files: stricter, message: 'Export wants a factor of this moment' } });
  const { device } = (await agents.emil.status({})).state;
  const request = { method: 'POST', host: 'payroll.corp.internal', path: '/reports/2026-10/export', query: '' };
  await untilItWorks(async () => {
    const body = { person: 'emil', device: device.id, app: 'payroll', act: 'request', request } as const;
    if ((await admin.whatIf({ body })).verdict === 'allow') throw new Error('the second factor is still fresh');
  });
}

t.test('a morning in a browser', { ...needsChromium(), timeout: 240_000 }, async (t) => {
  const triangle = await startTriangle(t);
  const { agents, ready, portalPort } = triangle;
  const { password, totpSecret, portal, link } = ready.people.emil;
  const port = portalPort('emil');
  // For a look at the pages: `POSTERN_SCREENSHOTS=/some/where`.
  const pictures = process.env['POSTERN_SCREENSHOTS'] ?? privateDir(t, 'pictures');
  mkdirSync(pictures, { recursive: true });
  const picture = (tab: Tab, name: string) => tab.screenshot(join(pictures, `journey-${name}.png`));
  await agents.emil.signOut({});
  const browser = await launchChromium();
  t.teardown(() => browser.close());
  // The quickstart writes this file anew every 20 s; what is in it now is good for 30 s.
  const home = await browser.open(`file://${link}`);

  t.test('the link leads to the portal, which asks for password and code', async (t) => {
    await home.type('input[name=password]', password);
    await picture(home, '1-password');
    await home.press('Enter');
    await home.type('input[name=totp]', currentTotp(totpSecret, Date.now()));
    await picture(home, '2-code');
    await home.press('Enter');
    await home.waitFor('!!document.querySelector("[data-app=payroll]")');
    await picture(home, '3-apps');
    t.ok(
      home.errors.every((error) => !/exception|Content Security/i.test(error)),
      home.errors.join('\n'),
    );
  });

  const tab = await browser.open('about:blank', { beside: home });

  t.test('the wiki knows him, and keeps what he writes', async (t) => {
    await tab.goto(await home.evaluate<string>('document.querySelector("[data-app=wiki] a").href'));
    await tab.waitForText('Hello, Emil Employee');
    t.equal(await tab.evaluate('location.href'), `http://wiki.localhost:${port}/pages/home`);
    await picture(tab, '4-wiki');
    await tab.click('a[href="/pages/home/edit"]');
    await tab.type('textarea', 'Written in a browser.');
    await tab.click('main button');
    await tab.waitForText('Last change by Emil Employee, version 2');
    await tab.waitForText('Written in a browser.');
  });

  t.test('the export is held until he confirms on the portal, then it comes', async (t) => {
    await wantFreshFactor(triangle);
    await tab.goto(`http://payroll.localhost:${port}/reports/2026-10/export`);
    await picture(tab, '5-export');
    await tab.click('#show');
    // Of the tab itself nothing can be asked while its navigation waits.
    const hold = await untilItWorks(async () => {
      const [first] = (await agents.emil.status({})).holds;
      if (first === undefined) throw new Error('nothing is held');
      return first;
    });
    t.match(hold, { app: 'payroll', kind: 'step-up', purpose: 'step-up', code: 'step-up-required' });
    // The portal learns nothing while nobody looks at it; whoever goes there sees at once what waits.
    await home.look();
    await home.waitForText('payroll waits for you');
    await picture(home, '6-held');
    await home.click('.waiting .button');
    await home.waitFor('!!document.querySelector("input[name=totp]")');
    await picture(home, '7-step-up');
    // The code of now was used to sign in; the next one is good half a minute early.
    await home.type('input[name=totp]', currentTotp(totpSecret, Date.now() + 30_000));
    await home.press('Enter');
    await tab.waitForText('month,employee,name');
    await picture(tab, '8-exported');
    await home.look();
    await home.waitFor('!document.querySelector(".waiting")');
    t.match(await tab.evaluate('document.body.innerText'), /Amina Diallo,Engineering/);
  });

  t.test('signed out, an address typed by hand leads over the portal and back', async (t) => {
    await agents.emil.signOut({});
    await tab.goto(`http://wiki.localhost:${port}/pages/home`);
    await picture(tab, '9-signed-out');
    t.match(await tab.evaluate('document.body.innerText'), /sign in/i);
    t.equal(
      await tab.evaluate('document.querySelector("a").href'),
      `${portal}/#/sign-in?app=wiki&then=%2Fpages%2Fhome`,
      'the page leads to what is to be done, and back to here',
    );
    await tab.click('a.act');
    await tab.type('input[name=password]', password);
    await tab.press('Enter');
    await tab.waitFor('!!document.querySelector("input[name=totp]")');
    await picture(tab, '10-signing-in');
  });

  t.test('refused for good: the page names the reason and the trace', async (t) => {
    const olivia = await browser.open(`file://${ready.people.olivia.link}`, { dark: true });
    await olivia.waitFor('!!document.querySelector("[data-app=payroll]")');
    await olivia.goto(`http://payroll.localhost:${portalPort('olivia')}/reports/summary`);
    await picture(olivia, '11-refused-dark');
    const shown = await olivia.evaluate<string>('document.body.innerText');
    t.match(shown, /not-allowed [0-9a-f]{32}/);
    const trace = /[0-9a-f]{32}/.exec(shown)![0];
    const { records } = await triangle.admin.records({ query: { trace, limit: 5 } });
    t.match(records, [{ person: 'olivia', app: 'payroll', verdict: 'deny' }], 'the administrator finds it by that');
  });
});
