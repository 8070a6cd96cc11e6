import assert from 'node:assert/strict';
import { test } from 'node:test';
import { editCVC, editExpiry, editNumber, expiryDigits, formatNumber } from '../edit.js';

/** Types a text key by key, as a browser does. '<' is backspace, '(' and ')' move the caret. */
function type(edit, keys, brand = 'unknown', from = '') {
  let [text, caret] = [from, from.length];
  for (const key of keys) {
    if (key === '(' || key === ')') { caret += key === '(' ? -1 : 1; continue; }
    const before = text.slice(0, key === '<' ? Math.max(0, caret - 1) : caret);
    const typed = { text: before + (key === '<' ? '' : key) + text.slice(caret), caret: before.length + (key === '<' ? 0 : 1), last: text, brand,
      inputType: key === '<' ? 'deleteContentBackward' : 'insertText' };
    ({ text, caret } = edit(typed));
  }
  return text.slice(0, caret) + '|' + text.slice(caret);
}

const paste = (edit, text, brand = 'unknown') => edit({ text, caret: text.length, last: '', inputType: 'insertFromPaste', brand });

test('a number comes in the groups that are on the card', () => {
  assert.equal(formatNumber('4242424242424242'), '4242 4242 4242 4242');
  assert.equal(formatNumber('378282246310005'), '3782 822463 10005');
  assert.equal(formatNumber('4000000000000000006'), '4000 0000 0000 0000 006');
  assert.equal(formatNumber('42424'), '4242 4');
  assert.equal(formatNumber(''), '');
});

test('typing puts the spaces, and takes nothing but digits', () => {
  assert.equal(type(editNumber, '42a424'), '4242 4|');
  assert.equal(type(editNumber, '3782822'), '3782 822|');
  assert.equal(type(editNumber, '424242424242424299999'), '4242 4242 4242 4242 999|', 'a Visa number ends at 19');
  assert.equal(type(editNumber, '55555555555544441'), '5555 5555 5555 4444|', 'a Mastercard number ends at 16');
});

test('deleting goes over the spaces', () => {
  assert.equal(type(editNumber, '42424<'), '4242|');
  assert.equal(type(editNumber, '42424<<'), '424|');
  assert.equal(type(editNumber, '424256((<'), '424|5 6', 'the space before the caret means the digit before it');
});

test('the caret stays where the payer types', () => {
  assert.equal(type(editNumber, '42425678(((1'), '4242 51|67 8');
  assert.equal(type(editNumber, '42425678(((((1'), '4242 1|567 8');
});

test('a pasted number is taken however it is written', () => {
  for (const text of ['4242424242424242', '4242-4242-4242-4242', ' 4242 4242 4242 4242 ', '4242.4242.4242.4242\t', '４２４２４２４２４２４２４２４２']) {
    assert.equal(paste(editNumber, text).digits, '4242424242424242', text);
  }
});

test('a date writes its slash itself', () => {
  for (const [keys, shown] of [['1', '1|'], ['12', '12 / |'], ['123', '12 / 3|'], ['1230', '12 / 30|'], ['2', '02 / |'], ['1/', '01 / |'], ['1/30', '01 / 30|'], ['130', '01 / 30|'], ['0130', '01 / 30|'],
    ['12/30', '12 / 30|'], ['12305', '12 / 30|'], ['122030', '12 / 2030|'], ['1220305', '12 / 2030|'], ['x', '|']]) {
    assert.equal(type(editExpiry, keys), shown, keys);
  }
});

test('deleting a date goes over the slash', () => {
  assert.equal(type(editExpiry, '123<'), '12|');
  assert.equal(type(editExpiry, '12<'), '1|');
  assert.equal(type(editExpiry, '12<<'), '|');
  assert.equal(type(editExpiry, '123<<<<'), '|');
});

test('a date is taken as it is filled in or copied', () => {
  for (const [text, digits] of [['01/30', '0130'], ['1/30', '0130'], ['01/2030', '012030'], ['2030-01', '012030'], ['2030/1', '012030'], ['01 - 2030', '012030'], ['0130', '0130'], ['12 / 30', '1230'], ['', '']]) {
    assert.equal(expiryDigits(text), digits, text);
    assert.equal(paste(editExpiry, text).digits, digits, text);
  }
});

test('a code ends where its brand says', () => {
  assert.equal(type(editCVC, '12345', 'visa'), '123|');
  assert.equal(type(editCVC, '12345', 'amex'), '1234|');
  assert.equal(type(editCVC, '12345', 'unknown'), '1234|');
  assert.equal(type(editCVC, '1a2<'), '1|');
});
