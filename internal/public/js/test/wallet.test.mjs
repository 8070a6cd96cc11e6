import assert from 'node:assert/strict';
import test from 'node:test';
import { Florin, KEY, Page, SHOP, VAULT, answer, settle } from './page.mjs';

const WALLET = 'https://wallet.example';
const list = { object: 'list', data: [{ object: 'wallet', type: 'sandbox', url: `${WALLET}/sheet`, merchant: 'acct_shop:test', public_key: 'BKey' }], has_more: false };
const ask = { type: 'sandbox', amount: 9232, currency: 'EUR', label: 'Shop' };

/** A page on which the payer was asked: the sheet's dialog, its frame, and what comes of it. */
async function asked(answers = {}) {
  const page = new Page();
  Object.assign(page.answers, { 'GET /v1/wallets': [() => answer(200, list)] }, answers);
  const made = Florin(KEY, { device: false }).createWalletToken(ask);
  await settle();
  const frame = page.frames.find((one) => one.tag === 'iframe');
  return { page, made, frame, dialog: frame?.parent, close: page.frames.find((one) => one.tag === 'button') };
}

test('what the wallet gives goes to the vault, and the sheet away', async () => {
  const { page, made, frame, dialog } = await asked({ 'POST /v1/tokens': [() => answer(201, { id: 'pm_tok_1', wallet: { type: 'sandbox' } })] });
  const sheet = new URL(frame.src);
  assert.equal(sheet.origin, WALLET);
  assert.deepEqual(Object.fromEntries(sheet.searchParams), { merchant: 'acct_shop:test', key: 'BKey', amount: '9232', currency: 'EUR', label: 'Shop', origin: SHOP });
  assert.ok(dialog.open);
  page.message({ florinWallet: 'approved', token: 'forged' }, { origin: 'https://evil.example', source: frame.contentWindow });
  page.message({ florinWallet: 'approved', token: 'forged' }, { origin: WALLET, source: {} });
  page.message({ florinWallet: 'approved', token: 'sealed' }, { origin: WALLET, source: frame.contentWindow });
  assert.deepEqual(await made, { token: { id: 'pm_tok_1', wallet: { type: 'sandbox' } } });
  assert.equal(dialog.open, false);
  assert.equal(page.nodes.body.children.length, 0);
  const { url, headers, body } = page.asked.at(-1);
  assert.equal(url, `${VAULT}/v1/tokens`);
  assert.equal(headers['Florin-Wallet'], 'sandbox');
  assert.equal(headers.Authorization, `Bearer ${KEY}`);
  assert.match(headers['Idempotency-Key'], /^[0-9a-f]{32}$/);
  assert.deepEqual(body, { wallet: { type: 'sandbox', token: 'sealed' } });
});

test('a payer who cancels, in the sheet or beside it, is an error and no call', async () => {
  for (const cancel of [
    ({ page, frame }) => page.message({ florinWallet: 'canceled' }, { origin: WALLET, source: frame.contentWindow }),
    ({ close }) => close.dispatchEvent(new Event('click')),
    ({ dialog }) => dialog.dispatchEvent(new Event('close')),
  ]) {
    const sheet = await asked();
    cancel(sheet);
    assert.equal((await sheet.made).error.code, 'wallet_canceled');
    assert.equal(sheet.page.asked.length, 1);
  }
});

test('a token that the vault refuses is its error', async () => {
  const { page, made, frame } = await asked({ 'POST /v1/tokens': [() => answer(409, { code: 'wallet_token_used', detail: 'used' })] });
  page.message({ florinWallet: 'approved', token: 'sealed' }, { origin: WALLET, source: frame.contentWindow });
  assert.equal((await made).error.code, 'wallet_token_used');
});

test('where no wallet is, nobody is asked', async () => {
  const { made, frame } = await asked({ 'GET /v1/wallets': [() => answer(200, { ...list, data: [] })] });
  assert.equal((await made).error.code, 'wallet_unavailable');
  assert.equal(frame, undefined);
  await assert.rejects(Florin(KEY, { device: false }).createWalletToken({ ...ask, amount: 92.32 }), TypeError);
  await assert.rejects(Florin(KEY, { device: false }).createWalletToken({ ...ask, currency: 'euro' }), TypeError);
});
