import assert from 'node:assert/strict';
import test from 'node:test';
import { Florin, KEY, Page, SECRET, answer, down, never, paid, settle, until } from './page.mjs';

const here = { clientSecret: SECRET, redirect: 'if_required', token: 'pm_tok_1' };
const session = (n) => 'ds_' + String(n).padStart(26, '0');
const opens = (n) => () => answer(201, { id: session(n) });
const SESSIONS = 'POST /v1/client/device_sessions';

let browsers = 0;

/** The fingerprint of a browser. Each has a key of its own: what an earlier page still had to send may arrive at this one. */
async function fingerprint(navigator, look = {}) {
  const page = new Page(navigator);
  Object.assign(screen, look);
  const key = `${KEY}${++browsers}`;
  Florin(key).elements();
  const own = () => page.sessions().find((one) => one.headers.Authorization === `Bearer ${key}`);
  await until(own);
  return own().body.fingerprint;
}

test('a session is opened when the first field is made, once, and not before', async () => {
  const page = new Page();
  const florin = Florin(KEY);
  await settle();
  assert.equal(page.asked.length, 0);
  florin.elements();
  florin.elements();
  await until(() => page.sessions().length);
  await settle();
  assert.equal(page.sessions().length, 1);
  const { headers, body } = page.sessions()[0];
  assert.equal(headers.Authorization, `Bearer ${KEY}`);
  assert.match(body.fingerprint, /^[0-9a-f]{64}$/);
  assert.equal(Number.isInteger(body.page_millis) && body.page_millis >= 0, true);
  assert.deepEqual({ ...body, fingerprint: '', page_millis: 0 }, {
    fingerprint: '', page_millis: 0, time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone, utc_offset: 0 - new Date().getTimezoneOffset(),
    languages: ['de-DE', 'en'], automated: false, behaviour: { keystrokes: 0, pastes: 0, millis: 0 },
  });
});

test('switched off, nothing is collected and nothing is sent', async () => {
  const page = new Page();
  page.onConfirm(() => answer(200, paid));
  const florin = Florin(KEY, { device: false });
  const { frame } = page.card(florin);
  page.say(frame, 'behaviour', { keystrokes: 3, pastes: 1, millis: 5 });
  await florin.confirmPayment(here);
  assert.equal(page.sessions().length, 0);
  assert.equal('device_session' in page.confirmations()[0].body, false);
});

test('what was typed since makes the session a new one, which names the one before', async () => {
  const page = new Page();
  page.onConfirm(() => answer(200, paid));
  page.answers[SESSIONS] = [opens(1), opens(2)];
  const { florin, frame } = page.card();
  await until(() => page.sessions().length);
  page.say(frame, 'behaviour', { keystrokes: 10, pastes: 0, millis: 2000 });
  page.say(frame, 'behaviour', { keystrokes: 19, pastes: 1, millis: 8400.7 });
  await florin.confirmPayment(here);
  assert.deepEqual(page.sessions()[1].body.behaviour, { keystrokes: 19, pastes: 1, millis: 8400 });
  assert.equal(page.sessions()[1].body.previous, session(1));
  assert.equal(page.confirmations()[0].body.device_session, session(2));
  await florin.confirmPayment(here); // nothing was typed in between
  assert.equal(page.sessions().length, 2);
  assert.equal(page.confirmations()[1].body.device_session, session(2));
});

test('the fields of a page are counted together, and nonsense as nothing', async () => {
  const page = new Page();
  page.onConfirm(() => answer(200, paid));
  page.answers[SESSIONS] = [opens(1), opens(2)];
  const florin = Florin(KEY);
  const elements = florin.elements();
  for (const part of ['number', 'expiry', 'cvc']) {
    elements.create(`card-${part}`).mount(`#${part}`);
    page.load(page.frames.at(-1));
  }
  const [number, expiry, cvc] = page.frames;
  page.say(number, 'behaviour', { keystrokes: 16, pastes: 0, millis: 4000 });
  page.say(expiry, 'behaviour', { keystrokes: 4, pastes: 1, millis: 1000 });
  page.say(cvc, 'behaviour', { keystrokes: -3, pastes: 'many', millis: 1e300 });
  await florin.confirmPayment(here);
  assert.deepEqual(page.sessions().at(-1).body.behaviour, { keystrokes: 20, pastes: 1, millis: 1_000_000_000 + 5000 });
});

test('a payment without fields opens its session when it is confirmed', async () => {
  const page = new Page();
  page.onConfirm(() => answer(200, paid));
  page.answers[SESSIONS] = [opens(1)];
  await Florin(KEY).confirmPayment(here);
  assert.equal(page.sessions().length, 1);
  assert.equal(page.confirmations()[0].body.device_session, session(1));
});

test('a session that cannot be opened, or kept up to date, does not stop a payment', async () => {
  const page = new Page();
  page.onConfirm(() => answer(200, paid));
  page.answers[SESSIONS] = [down];
  assert.equal((await Florin(KEY).confirmPayment(here)).payment.status, 'captured');
  assert.equal('device_session' in page.confirmations()[0].body, false);

  page.answers[SESSIONS] = [opens(1), () => answer(429, { code: 'rate_limited' }, { 'Retry-After': '1' })];
  const { florin, frame } = page.card();
  await until(() => page.sessions().length === 2);
  page.say(frame, 'behaviour', { keystrokes: 1, pastes: 0, millis: 1 });
  await florin.confirmPayment(here);
  assert.equal(page.confirmations()[1].body.device_session, session(1));
});

test('a payment waits for its session a second and a half, not longer', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const page = new Page();
  page.onConfirm(() => answer(200, paid));
  page.answers[SESSIONS] = [never];
  const confirmed = Florin(KEY).confirmPayment(here);
  await settle();
  t.mock.timers.tick(1_499);
  await settle();
  assert.equal(page.confirmations().length, 0);
  t.mock.timers.tick(1);
  assert.equal((await confirmed).payment.status, 'captured');
});

test('a page that the browser hashes nothing for has no session', async (t) => {
  const page = new Page();
  page.onConfirm(() => answer(200, paid));
  t.mock.getter(crypto, 'subtle', () => undefined); // as on a page without TLS
  assert.equal((await Florin(KEY).confirmPayment(here)).payment.status, 'captured');
  assert.equal(page.sessions().length, 0);
});

test('a fingerprint outlives updates of the browser and a turn of the screen, and tells devices apart', async () => {
  const chrome = (version, grease, more = {}) => ({
    userAgentData: { platform: 'Android', mobile: true, brands: [{ brand: 'Chromium', version }, { brand: grease, version: '8' }, { brand: 'Google Chrome', version }], ...more },
  });
  const firefox = (version) => ({ userAgent: `Mozilla/5.0 (X11; Linux x86_64; rv:${version}) Gecko/20100101 Firefox/${version}` });
  const phone = { width: 412, height: 915 };
  const one = await fingerprint(chrome('140', 'Not;A=Brand'), phone);
  assert.equal(await fingerprint(chrome('141', 'Not?A_Brand'), { width: 915, height: 412 }), one);
  assert.notEqual(await fingerprint(chrome('140', 'Not;A=Brand', { platform: 'Windows' }), phone), one);
  assert.notEqual(await fingerprint(chrome('140', 'Not;A=Brand'), { width: 414, height: 915 }), one);
  assert.notEqual(await fingerprint({ ...chrome('140', 'Not;A=Brand'), hardwareConcurrency: 4 }, phone), one);
  assert.equal(await fingerprint(firefox('140.0')), await fingerprint(firefox('141.0.2')));
  assert.notEqual(await fingerprint(firefox('140.0')), await fingerprint({ userAgent: 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/18.1 Safari/605.1.15' }));
});

test('a browser that a program drives says so', async () => {
  const page = new Page({ webdriver: true });
  Florin(KEY).elements();
  await until(() => page.sessions().length);
  assert.equal(page.sessions()[0].body.automated, true);
});

test('what a field counts when it is asked for the token is in the session', async () => {
  const page = new Page();
  page.onConfirm(() => answer(200, paid));
  page.answers[SESSIONS] = [opens(1), opens(2)];
  const { florin, element, frame } = page.card();
  await until(() => page.sessions().length);
  const confirmed = florin.confirmPayment({ clientSecret: SECRET, redirect: 'if_required', element });
  await settle();
  page.say(frame, 'behaviour', { keystrokes: 23, pastes: 0, millis: 9000 }); // Enter was pressed: no blur came before
  await page.tokenize(frame);
  await confirmed;
  assert.equal(page.sessions()[1].body.behaviour.keystrokes, 23);
  assert.equal(page.confirmations()[0].body.device_session, session(2));
});

test("a merchant's server can have the session", async () => {
  const page = new Page();
  page.answers[SESSIONS] = [opens(1)];
  const florin = Florin(KEY);
  assert.equal(await florin.deviceSession(), session(1));
  assert.equal(await florin.deviceSession(), session(1));
  assert.equal(page.sessions().length, 1);
  assert.equal(await Florin(KEY, { device: false }).deviceSession(), null);
  page.answers[SESSIONS] = [down];
  assert.equal(await Florin(KEY).deviceSession(), null);
});
