import assert from 'node:assert/strict';
import test from 'node:test';
import { Florin, KEY, PAYMENT, PUBLIC, Page, SECRET, SHOP, answer, challenged, declined, down, never, paid, settle } from './page.mjs';

const quiet = { device: false }; // tests of it are in device.test.mjs
const here = { clientSecret: SECRET, redirect: 'if_required' };

/** Confirms with a card that is typed in. */
async function pay(page, { florin, element, frame }, more = {}) {
  const confirmed = florin.confirmPayment({ ...here, element, ...more });
  await page.tokenize(frame);
  return confirmed;
}

test('a confirmation carries key, secret, token and what 3-D Secure wants to know', async () => {
  const page = new Page();
  page.onConfirm(() => answer(200, paid));
  const result = await pay(page, page.card(Florin(KEY, quiet)), { returnUrl: '/done', name: 'Ada' });
  assert.deepEqual(result, { payment: paid });
  const [{ url, headers, body, how }] = page.confirmations();
  assert.equal(url, `${PUBLIC}/v1/client/payments/${PAYMENT}/confirm`);
  assert.equal(headers.Authorization, `Bearer ${KEY}`);
  assert.equal(headers['Florin-Client-Secret'], SECRET);
  assert.match(headers['Idempotency-Key'], /^[0-9a-f]{32}$/);
  assert.equal(how.credentials, 'omit');
  assert.deepEqual(body, {
    payment_method_token: 'pm_tok_1', return_url: `${SHOP}/done`,
    browser: { language: 'de-DE', color_depth: 24, screen_height: 1080, screen_width: 1920, time_zone: new Date().getTimezoneOffset(),
      java_enabled: false, javascript_enabled: true },
  });
  assert.equal(page.frames[0].contentWindow.of('createToken')[0].name, 'Ada');
  assert.ok(page.asked.every((one) => !one.url.includes('secret')), 'no secret is in an address');
});

test('another method than a card goes by its type, with the bank that was chosen', async () => {
  const page = new Page();
  page.onConfirm(() => answer(200, paid));
  const result = await Florin(KEY, quiet).confirmPayment({ ...here, paymentMethod: { type: 'ideal', bank: 'ideal_canal' } });
  assert.deepEqual(result, { payment: paid });
  const [{ body }] = page.confirmations();
  assert.deepEqual(body.payment_method, { type: 'ideal', bank: 'ideal_canal' });
  assert.equal('payment_method_token' in body, false);
});

test('a decline is an answer, and the next try of the payment goes with the new secret', async () => {
  const page = new Page();
  const card = page.card(Florin(KEY, quiet));
  page.onConfirm(() => answer(402, declined('insufficient_funds', `${PAYMENT}_secret_two`)), () => answer(402, declined('do_not_honor', `${PAYMENT}_secret_three`)),
    () => answer(200, { ...paid, client_secret: `${PAYMENT}_secret_four` }));
  const { error } = await pay(page, card);
  assert.deepEqual(error, {
    code: 'card_declined', decline_code: 'insufficient_funds', message: 'The bank declined this card. Try another one.', param: null,
    retry: 'later', retryable: true, retry_after: null, payment: PAYMENT, request_id: 'req_1',
  });
  assert.equal((await pay(page, card)).error.decline_code, 'do_not_honor');
  assert.equal((await pay(page, card)).payment.status, 'captured');
  assert.deepEqual(page.confirmations().map((one) => one.headers['Florin-Client-Secret']), [SECRET, `${PAYMENT}_secret_two`, `${PAYMENT}_secret_three`]);
  assert.equal(new Set(page.confirmations().map((one) => one.headers['Idempotency-Key'])).size, 3);

  page.onRetrieve(() => answer(200, paid));
  await card.florin.retrievePayment(`${PAYMENT}_secret_two`); // a page that noted the secret in between
  assert.equal(page.asked.at(-1).headers['Florin-Client-Secret'], `${PAYMENT}_secret_four`);
  await card.florin.retrievePayment(`${PAYMENT}_secret_server`); // one that this instance does not know is newer
  assert.equal(page.asked.at(-1).headers['Florin-Client-Secret'], `${PAYMENT}_secret_server`);
});

test('secrets that come round again make no loop', async () => {
  const page = new Page();
  const { florin } = page.card(Florin(KEY, quiet));
  const [one, two] = [SECRET, `${PAYMENT}_secret_two`];
  page.onRetrieve(...[one, two, two, one, two].map((client_secret) => () => answer(200, { ...paid, client_secret })));
  for (let i = 0; i < 6; i++) await florin.retrievePayment(one);
  assert.deepEqual(page.asked.filter((each) => each.method === 'GET').map((each) => each.headers['Florin-Client-Secret']), [one, one, two, two, one, two]);
});

test("secrets of one instance are not another's", async () => {
  const page = new Page();
  page.onRetrieve(() => answer(200, { ...paid, client_secret: `${PAYMENT}_secret_two` }));
  await Florin(KEY).retrievePayment(SECRET);
  await Florin(KEY).retrievePayment(SECRET);
  assert.deepEqual(page.asked.map((one) => one.headers['Florin-Client-Secret']), [SECRET, SECRET]);
});

test('what got lost on the way is sent again, as the same request', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const page = new Page();
  page.onConfirm(down, () => answer(503, '<html>'), () => answer(409, { code: 'idempotency_key_in_use', detail: 'still running' }, { 'Retry-After': '4' }),
    () => answer(200, paid));
  const confirmed = Florin(KEY, quiet).confirmPayment({ ...here, token: 'pm_tok_1' });
  for (const [wait, asked] of [[0, 1], [499, 1], [1, 2], [1500, 3], [3999, 3], [1, 4]]) {
    t.mock.timers.tick(wait);
    await settle();
    assert.equal(page.confirmations().length, asked, `after ${wait} more`);
  }
  assert.deepEqual(await confirmed, { payment: paid });
  assert.equal(new Set(page.confirmations().map((one) => JSON.stringify([one.headers, one.body]))).size, 1);
});

test('a network that stays down is an answer, in the end', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const page = new Page();
  page.onRetrieve(down);
  const asked = Florin(KEY).retrievePayment(SECRET);
  for (let i = 0; i < 6; i++) { await settle(); t.mock.timers.tick(5_000); }
  const { error } = await asked;
  assert.deepEqual([error.code, error.retry, error.retryable], ['network_error', 'later', true]);
  assert.equal(page.asked.length, 5);
});

test('an answer that does not come is waited for as long as a bank may take', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const page = new Page();
  page.onRetrieve(never);
  const asked = Florin(KEY).retrievePayment(SECRET);
  for (let i = 0; i < 5; i++) {
    await settle();
    t.mock.timers.tick(110_000);
    await settle();
    t.mock.timers.tick(5_000);
  }
  assert.equal((await asked).error.code, 'timeout');
});

test('who asks for long patience, or says no for good, is not asked again', async () => {
  for (const [refusal, code] of [
    [() => answer(429, { code: 'rate_limited', detail: 'too many' }, { 'Retry-After': '60' }), 'rate_limited'],
    [() => answer(503, '', { 'Retry-After': '3600' }), 'unavailable'],
    [() => answer(404, { code: 'not_found', title: 'No such payment' }), 'not_found'],
    [() => answer(500, '{"code":"internal_error"}'), 'internal_error'],
    [() => answer(200, '<html>a proxy</html>'), 'unexpected_answer'],
    [() => answer(200, 'null'), 'unexpected_answer'],
    [() => answer(200, '"text"'), 'unexpected_answer'],
    [() => answer(403, '[]'), 'unexpected_answer'],
  ]) {
    const page = new Page();
    page.onRetrieve(refusal);
    const { error } = await Florin(KEY).retrievePayment(SECRET);
    assert.equal(error.code, code);
    assert.ok(error.message);
    assert.equal(page.asked.length, 1);
  }
});

test('a second click is the same payment', async () => {
  const page = new Page();
  const card = page.card(Florin(KEY, quiet));
  page.onConfirm(() => answer(402, declined('do_not_honor')), () => answer(200, paid));
  const first = card.florin.confirmPayment({ ...here, element: card.element });
  const second = card.florin.confirmPayment({ ...here, element: card.element });
  await page.tokenize(card.frame);
  assert.equal(await first, await second);
  assert.equal(page.confirmations().length, 1);
  assert.equal((await pay(page, card)).payment.status, 'captured'); // after the answer it is a new try
});

test('a card that makes no token is not confirmed', async () => {
  const page = new Page();
  const card = page.card(Florin(KEY, quiet));
  const confirmed = card.florin.confirmPayment({ ...here, element: card.element });
  await page.tokenize(card.frame, { problem: { code: 'parameter_invalid', title: 'Invalid' } });
  assert.equal((await confirmed).error.code, 'parameter_invalid');
  assert.equal(page.confirmations().length, 0);
});

test('a challenge takes the payer away; by the back button they find the payment as it is', async () => {
  const page = new Page();
  const card = page.card(Florin(KEY, quiet));
  page.onConfirm(() => answer(200, challenged));
  page.onRetrieve(() => answer(200, paid));
  let done = false;
  const confirmed = pay(page, card).finally(() => (done = true));
  await settle();
  await settle();
  assert.deepEqual(page.gone, [challenged.next_action.url]);
  assert.equal(done, false);
  page.window.dispatchEvent(Object.assign(new Event('pageshow'), { persisted: false }));
  await settle();
  assert.equal(done, false);
  page.window.dispatchEvent(Object.assign(new Event('pageshow'), { persisted: true }));
  assert.deepEqual(await confirmed, { payment: paid });
});

test('a paid payment goes to its return address if the page wants that', async () => {
  const page = new Page();
  page.onConfirm(() => answer(200, { ...paid, status: 'authorized' }));
  pay(page, page.card(Florin(KEY, quiet)), { redirect: undefined, returnUrl: `${SHOP}/done?order=7#top` });
  await settle();
  await settle();
  assert.deepEqual(page.gone, [`${SHOP}/done?order=7&payment=${PAYMENT}&status=authorized#top`]);
});

test('a payment that another page of it settled otherwise is an error here, and stays on the page', async () => {
  const failure = { code: 'card_declined', decline_code: 'do_not_honor', message: 'The bank declined this card.', retry: 'later' };
  for (const [payment, code, retryable] of [
    [{ status: 'requires_payment_method', failure }, 'card_declined', true],
    [{ status: 'requires_payment_method' }, 'state_conflict', true],
    [{ status: 'failed', failure }, 'card_declined', false],
    [{ status: 'expired' }, 'expired', false],
    [{ status: 'canceled' }, 'state_conflict', false],
  ]) {
    const page = new Page();
    page.onConfirm(() => answer(200, { ...paid, ...payment }));
    const { error, ...rest } = await pay(page, page.card(Florin(KEY, quiet)), { redirect: 'always', returnUrl: `${SHOP}/done` });
    assert.deepEqual([error.code, error.retryable, error.payment], [code, retryable, PAYMENT]);
    assert.deepEqual([rest, page.gone], [{}, []]);
    if (payment.failure) assert.deepEqual([error.decline_code, error.message, error.retry], ['do_not_honor', failure.message, 'later']);
  }
});

test('a payer who comes back from a challenge before its end can be sent again', async () => {
  const page = new Page();
  const florin = Florin(KEY, quiet);
  page.onRetrieve(() => answer(200, challenged));
  const acted = florin.handleNextAction({ clientSecret: SECRET });
  await settle();
  page.window.dispatchEvent(Object.assign(new Event('pageshow'), { persisted: true }));
  const { error } = await acted;
  assert.deepEqual([error.code, error.retryable, error.payment], ['action_required', true, PAYMENT]);
  florin.handleNextAction({ clientSecret: SECRET });
  await settle();
  assert.deepEqual(page.gone, [challenged.next_action.url, challenged.next_action.url]);
});

test('no script is ever taken for an address', async () => {
  const page = new Page();
  const card = page.card(Florin(KEY, quiet));
  for (const returnUrl of ['javascript:alert(1)', 'data:text/html,x', ' java\nscript:alert(1)', 'http://', 'file:///etc/passwd']) {
    await assert.rejects(card.florin.confirmPayment({ clientSecret: SECRET, element: card.element, returnUrl }), TypeError, returnUrl);
  }
  page.onRetrieve(() => answer(200, { ...challenged, next_action: { type: 'redirect', url: 'javascript:alert(1)' } }));
  await assert.rejects(card.florin.handleNextAction({ clientSecret: SECRET }), TypeError);
  assert.deepEqual(page.gone, []);
  assert.equal(page.confirmations().length, 0);
});

test('mistakes of the page are thrown before anything is sent', async () => {
  const page = new Page();
  const florin = Florin(KEY, quiet);
  await assert.rejects(florin.confirmPayment({ clientSecret: SECRET, token: 'pm_tok_1' }), /returnUrl/);
  for (const clientSecret of [undefined, null, 'pay_1', 'pay_x/../y_secret_z', 'pay_1_secret_two?x']) {
    await assert.rejects(florin.confirmPayment({ clientSecret, redirect: 'if_required' }), /client secret/);
    await assert.rejects(florin.retrievePayment(clientSecret), /client secret/);
  }
  assert.equal(page.asked.length, 0);
});

test('the next action is taken if there is one', async () => {
  const page = new Page();
  const florin = Florin(KEY, quiet);
  page.onRetrieve(() => answer(200, challenged), () => answer(200, paid), () => answer(404, { code: 'not_found' }));
  florin.handleNextAction({ clientSecret: SECRET });
  await settle();
  assert.deepEqual(page.gone, [challenged.next_action.url]);
  assert.deepEqual(await florin.handleNextAction({ clientSecret: SECRET }), { payment: paid });
  assert.equal((await florin.handleNextAction({ clientSecret: SECRET })).error.code, 'not_found');

  const qr = { ...paid, status: 'requires_action', next_action: { type: 'display_qr', qr_code: '000201' } };
  assert.deepEqual(await florin.handleNextAction({ payment: qr }), { payment: qr });
  florin.handleNextAction({ clientSecret: SECRET, payment: { ...paid, return_url: `${SHOP}/done` }, redirect: 'always' });
  await settle();
  assert.equal(page.gone.at(-1), `${SHOP}/done?payment=${PAYMENT}&status=captured`);
});

test('the language of the page goes with its questions', async () => {
  const page = new Page();
  page.onRetrieve(() => answer(200, paid));
  await Florin(KEY, { locale: 'pt-BR' }).retrievePayment(SECRET);
  assert.equal(page.asked[0].headers['Accept-Language'], 'pt-BR');
});
