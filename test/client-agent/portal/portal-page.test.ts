/** The portal page in a real browser. */
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type Browser, launchChromium, needsChromium, type Tab } from '../../support/chromium.ts';
import { fakeHold } from '../../support/fake-agent-facts.ts';
import { fakeCode, fakePassword, makeFakeAgent } from '../../support/fake-agent-portal.ts';
import { servePortal } from '../../support/serve-portal.ts';

async function openPortal(
  t: Test,
  browser: Browser,
  options: { signedIn?: boolean; first?: boolean; dark?: boolean } = {},
) {
  const agent = makeFakeAgent({ signedIn: options.signedIn === true });
  if (options.first) agent.setFirstFactors();
  const portal = await servePortal(agent);
  const tab = await browser.open(`${portal.origin}/`, { dark: options.dark === true });
  t.teardown(() => portal.stop());
  return { agent, portal, tab };
}

/** For a look at the page: `POSTERN_SCREENSHOTS=/some/where`. */
async function picture(tab: Tab, name: string): Promise<void> {
  const place = process.env['POSTERN_SCREENSHOTS'];
  if (place !== undefined) await tab.screenshot(join(place, `${name}.png`));
}

t.test('the portal page', needsChromium(), async (t) => {
  const browser = await launchChromium();
  t.teardown(() => browser.close());

  t.test('signs in by keyboard, shows the apps, signs out', async (t) => {
    const { agent, portal, tab } = await openPortal(t, browser);
    await tab.type('input[name=password]', 'wrong');
    await tab.press('Enter');
    await tab.waitForText('That was not right');
    t.equal(await tab.evaluate('document.activeElement.name'), 'password', 'the focus is back in the field');
    await tab.type('input[name=password]', fakePassword);
    await picture(tab, 'sign-in');
    await tab.press('Enter');
    await tab.type('input[name=totp]', '123 456');
    await tab.press('Enter');
    await tab.waitForText('Pages that everyone reads and writes');
    t.same(agent.asked.slice(0, 4), ['start sign-in', 'answer password', 'answer password', 'answer totp']);
    await picture(tab, 'apps');
    t.equal(
      await tab.evaluate('document.querySelector("[data-app=wiki] a").href'),
      `http://wiki.localhost:${portal.port}/`,
    );
    t.match(
      await tab.evaluate('document.querySelector("[data-app=payroll]").innerText'),
      /firewall.*off[\s\S]*Turn the firewall on/,
    );
    t.match(await tab.evaluate('document.querySelector("[data-app=echo]").innerText'), /postern connect echo/);
    t.match(
      await tab.evaluate('document.querySelector("[data-app=build]").innerText'),
      /ProxyCommand="postern ssh-proxy build"/,
    );
    await tab.click('[data-key=sign-out]');
    await tab.waitForText('Password');
    t.ok(agent.asked.includes('signOut'));
    // The wrong password is a 401 that the browser reports; nothing else may be wrong.
    t.same(
      tab.errors.filter((error) => !error.includes('401')),
      [],
    );
  });

  t.test('first factors: password, authenticator app with picture, recovery codes', async (t) => {
    const { agent, tab } = await openPortal(t, browser, { first: true });
    await tab.type('input[name=set-password]', 'a long enough sentence');
    await tab.type('.field:nth-of-type(2) input', 'another');
    await tab.press('Enter');
    await tab.waitForText('The two are not the same');
    await tab.type('.field:nth-of-type(2) input', 'a long enough sentence');
    await tab.press('Enter');
    await tab.waitForText('JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP');
    t.ok(await tab.evaluate('document.querySelector("svg.qr path").getAttribute("d").length > 500'));
    t.match(await tab.evaluate('document.querySelector(".totp a").href'), /^otpauth:/);
    await picture(tab, 'first-factors');
    await tab.type('input[name=confirm-totp]', fakeCode);
    await tab.press('Enter');
    await tab.waitForText('aaaa-1111');
    await picture(tab, 'recovery-codes');
    // The news of the session must not take the codes away before they are kept.
    agent.emit({ type: 'state' });
    await tab.evaluate('new Promise((resolve) => setTimeout(resolve, 400))');
    t.match(await tab.evaluate('document.body.innerText'), /bbbb-2222/);
    await tab.click('main .actions > button');
    await tab.waitForText('Build server');
    t.same(tab.errors, []);
  });

  t.test('a hold appears by itself, and the step-up leads back to the app', async (t) => {
    const { agent, portal, tab } = await openPortal(t, browser, { signedIn: true });
    await tab.waitForText('Build server');
    agent.setHolds([fakeHold()]);
    await tab.waitForText('payroll waits for you');
    await picture(tab, 'hold');
    await tab.click('.waiting .button');
    await tab.waitFor('!!document.querySelector("input[name=totp]")');
    await tab.goto('about:blank');
    await tab.goto(`${portal.origin}/#/step-up?app=payroll&then=%2Freports`);
    await tab.type('input[name=totp]', fakeCode);
    await tab.press('Enter');
    await tab.waitForText('Go on to payroll');
    t.equal(await tab.evaluate('document.activeElement.href'), `http://payroll.localhost:${portal.port}/reports`);
    await tab.click('.waiting button.quiet');
    await tab.waitFor('!document.querySelector(".waiting")');
    t.ok(agent.asked.includes('giveUp hold_1'));
    t.same(tab.errors, []);
  });

  t.test('the way back leads nowhere else', async (t) => {
    const { portal, tab } = await openPortal(t, browser, { signedIn: true });
    for (const query of [
      'app=evil.example%2F&then=%2F',
      'app=payroll&then=%2F%2Fevil.example',
      'app=payroll&then=%5C%5Cevil',
    ]) {
      await tab.goto('about:blank');
      await tab.goto(`${portal.origin}/#/step-up?${query}`);
      await tab.type('input[name=totp]', fakeCode);
      await tab.press('Enter');
      await tab.waitForText('Build server');
    }
  });

  t.test('the device page shows every value sent and how to fix it', async (t) => {
    const { tab } = await openPortal(t, browser, { signedIn: true });
    await tab.click('[data-key=device]');
    await tab.waitForText('What this device tells');
    const line = (id: string) => tab.evaluate<string>(`document.querySelector('[data-fact="${id}"]').innerText`);
    t.match(
      await line('firewallOn'),
      /bad.*firewall limits[\s\S]*sent: false[\s\S]*nftables has no rules[\s\S]*ufw enable/,
    );
    t.match(await line('diskEncrypted'), /good.*encrypted[\s\S]*sent: true/);
    t.match(await line('osVersion'), /too old[\s\S]*sent: "debian 12"/);
    t.match(
      await line('check:vpn-absent'),
      /No other VPN[\s\S]*sent: "fail"[\s\S]*stays on this device[\s\S]*Remove it/,
    );
    t.match(await tab.evaluate('document.body.innerText'), /report 1\./);
    await tab.click('[data-key=look]');
    await tab.waitForText('report 2.');
    await tab.click('[data-key=doctor]');
    await tab.waitForText('gateway g1');
    await picture(tab, 'device');
    t.same(tab.errors, []);
  });

  t.test('the leg that fails is said, and unsaid', async (t) => {
    const { agent, tab } = await openPortal(t, browser, { signedIn: true });
    await tab.waitForText('Pages that everyone reads and writes');
    agent.setTrouble({ leg: 'captive-portal', says: 'A captive portal answers.', fix: 'Sign in to this network.' });
    await tab.waitForText('A captive portal answers. Sign in to this network.');
    agent.setTrouble(undefined);
    await tab.waitFor("document.querySelector('[data-leg]') === null");
    t.same(tab.errors, []);
  });

  t.test('refusals and the account', async (t) => {
    const { agent, tab } = await openPortal(t, browser, { signedIn: true, dark: true });
    await tab.click('[data-key=refusals]');
    await tab.waitForText('0123456789abcdef0123456789abcdef');
    await picture(tab, 'refusals-dark');
    await tab.click('[data-key=account]');
    await tab.waitForText('Where you are signed in');
    await tab.click('#factors ~ .actions button:nth-child(1)');
    await tab.type('input[autocomplete=current-password]', fakePassword);
    await tab.type('.field:nth-of-type(2) input', 'another long sentence');
    await tab.type('.field:nth-of-type(3) input', 'another long sentence');
    await picture(tab, 'account-dark');
    await tab.press('Enter');
    await tab.waitForText('The password is changed');
    t.same(agent.inputs.get('changePassword'), { body: { current: fakePassword, next: 'another long sentence' } });
    await tab.click('#factors ~ .actions button:nth-child(3)');
    await tab.waitForText('cccc-3333');
    await tab.evaluate('document.querySelector("#sessions").dataset.before = "yes"');
    await tab.click('section[aria-labelledby=sessions] td button');
    await tab.waitFor('!!document.querySelector("#sessions") && !document.querySelector("#sessions[data-before]")');
    t.same(agent.inputs.get('endSession'), { params: { id: 'ses_0123456789' } });
    t.same(tab.errors, []);
  });
});
