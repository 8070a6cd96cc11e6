import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { data } from '../data.js';
import * as card from '../card.js';

// Published test numbers of all brands.
const numbers = {
  visa: ['4242424242424242', '4000056655665556', '4222222222222'],
  mastercard: ['5555555555554444', '2223003122003222', '5105105105105100'],
  amex: ['378282246310005', '371449635398431'],
  discover: ['6011111111111117'],
  diners: ['3056930009020004', '36227206271667'],
  jcb: ['3566002020360505'],
  unionpay: ['6200000000000005'],
};

test('a whole and right number is complete, and of its brand', () => {
  for (const [brand, all] of Object.entries(numbers)) {
    for (const number of all) {
      assert.equal(card.brandOf(number), brand, number);
      assert.deepEqual(card.numberState(number), { empty: false, complete: true, error: null, final: false }, number);
    }
  }
});

test('the brand is known as soon as the first digits settle it', () => {
  const known = { '': 'unknown', '4': 'visa', '3': 'unknown', '34': 'amex', '37': 'amex', '5': 'unknown', '55': 'mastercard', '2': 'unknown', '222': 'unknown',
    '2221': 'mastercard', '2720': 'mastercard', '2721': 'unknown', '6': 'unknown', '62': 'unionpay', '6011': 'discover', '36': 'diners', '3528': 'jcb' };
  for (const [digits, brand] of Object.entries(known)) assert.equal(card.brandOf(digits), brand, digits);
});

test('the script and the server agree on every edge of every range', () => {
  const said = JSON.parse(readFileSync(new URL('./said.json', import.meta.url), 'utf8')); // written by the Go side: number, brand, whether it takes it
  assert.ok(said.length > 500);
  for (const { number, brand, ok } of said) {
    assert.equal(card.brandOf(number), brand, number);
    assert.equal(card.numberState(number).complete, ok, number);
  }
});

test('a digit changed or two swapped fail the check digit', () => {
  for (const number of Object.values(numbers).flat()) {
    assert.ok(card.luhn(number));
    for (let i = 0; i < number.length; i++) {
      const other = String((Number(number[i]) + 1) % 10);
      assert.ok(!card.luhn(number.slice(0, i) + other + number.slice(i + 1)), number);
    }
  }
});

test('a number is wrong only once more typing will not mend it', () => {
  assert.deepEqual(card.numberState(''), { empty: true, complete: false, error: 'incomplete_number', final: false });
  for (const part of ['4', '424242424242', '37828224631000']) assert.equal(card.numberState(part).final, false, part);
  for (const whole of ['4242424242424241', '378282246310006', '5555555555554445']) {
    assert.deepEqual(card.numberState(whole), { empty: false, complete: false, error: 'incorrect_number', final: true }, whole);
  }
  assert.equal(card.numberState('42424242424242424').error, 'incomplete_number', '17 of up to 19 digits');
});

test('the payer is done at the usual length, not at the first that could be a number', () => {
  assert.equal(card.numberState('4222222222222').complete, true);
  assert.equal(card.numberDone('4222222222222'), false, '13 digits could become 16');
  for (const number of ['4242424242424242', '378282246310005']) assert.equal(card.numberDone(number), true, number);
});

test('a card is good through the end of its month', () => {
  const now = new Date('2026-11-30T23:59:59Z');
  const after = new Date('2026-12-01T00:00:00Z');
  assert.equal(card.expiryState('1126', now).complete, true);
  assert.deepEqual(card.expiryState('1126', after), { empty: false, complete: false, error: 'expired_card', final: true });
  assert.equal(card.expiryState('112026', now).complete, true);
});

test('a date that is none is told from one that is not all there', () => {
  const now = new Date('2026-11-22T12:00:00Z');
  const errors = { '': 'incomplete_expiry', '1': 'incomplete_expiry', '12': 'incomplete_expiry', '123': 'incomplete_expiry', '0030': 'incorrect_expiry', '13': 'incorrect_expiry',
    '1220': 'incomplete_expiry', '12203': 'incomplete_expiry', '1225': 'expired_card', '122019': 'expired_card', '122077': 'incorrect_expiry', '1277': 'incorrect_expiry' };
  for (const [digits, error] of Object.entries(errors)) assert.equal(card.expiryState(digits, now).error, error, digits);
  assert.deepEqual(card.expiryOf('1230'), { month: 12, year: 2030 });
  assert.deepEqual(card.expiryOf('122030'), { month: 12, year: 2030 });
  assert.equal(card.expiryOf('1220'), null);
});

test('a code has as many digits as its brand says', () => {
  for (const [digits, brand, complete] of [['123', 'visa', true], ['12', 'visa', false], ['123', 'amex', false], ['1234', 'amex', true], ['123', 'unknown', true], ['1234', 'unknown', true], ['', 'visa', false]]) {
    assert.equal(card.cvcState(digits, brand).complete, complete, `${digits} on ${brand}`);
  }
  assert.equal(card.cvcState('1234', 'visa').error, 'incorrect_cvc', 'typed for another brand, before the number');
  assert.equal(card.cvcDone('123', 'unknown'), false);
});

test('every error that can be shown has a text in every language', () => {
  const codes = ['incomplete_number', 'incorrect_number', 'incomplete_expiry', 'incorrect_expiry', 'expired_card', 'incomplete_cvc', 'incorrect_cvc',
    'element_missing', 'network_error', 'rate_limited', 'not_saved'];
  for (const [locale, texts] of Object.entries(data.texts)) {
    for (const code of codes) assert.ok(texts.errors[code]?.length > 10, `${locale} ${code}`);
  }
});

test('the language is the best of those that are wanted', () => {
  for (const [wanted, name] of [[['de-AT', 'en'], 'de'], [['pt-PT'], 'pt-BR'], [['PT-br'], 'pt-BR'], [['xx', 'es-MX'], 'es'], [['fr'], 'en'], [[], 'en']]) {
    assert.equal(card.localeOf(wanted), name, String(wanted));
  }
});

test('digits are read in any script', () => {
  assert.equal(card.digitsOf(' 42-42\u00a042x４２'), '42424242');
});
