// What stands in a box after a key, a paste or the browser's own filling-in: the text as people write it, and where the caret goes.
import { brandOf, digitsOf, longest, longestCVC } from './card.js';

/**
 * @typedef {{text: string, caret: number, last: string, inputType: string, brand: string}} Typed
 * text and caret as the browser left them; last is the text from before; brand is that of the number beside a code
 * @typedef {{digits: string, text: string, caret: number}} Edited
 */

/** A number in the groups that are on the card: 4-6-5 on American Express, else fours. */
export function formatNumber(digits) {
  const groups = brandOf(digits) === 'amex' ? [4, 6, 5] : [4, 4, 4, 4, 3];
  const parts = [];
  for (let at = 0, i = 0; at < digits.length; at += groups[i++]) parts.push(digits.slice(at, at + groups[i]));
  return parts.join(' ');
}

/** @param {Typed} typed @returns {Edited} */
export function editNumber(typed) {
  let { digits, before } = read(typed);
  digits = digits.slice(0, longest(digits));
  const text = formatNumber(digits);
  return { digits, text, caret: caretAfter(text, before) };
}

/** @param {Typed} typed @returns {Edited} */
export function editCVC(typed) {
  const { digits, before } = read(typed);
  const text = digits.slice(0, longestCVC(typed.brand));
  return { digits: text, text, caret: Math.min(before, text.length) };
}

/** @param {Typed} typed @returns {Edited} */
export function editExpiry(typed) {
  const deleting = typed.inputType.startsWith('delete');
  let text = typed.text;
  if (deleting && digitsOf(text) === digitsOf(typed.last) && typed.last.startsWith(text)) {
    text = text.replace(/[^0-9]*$/, '').slice(0, -1); // over the slash: the digit before it was meant
  }
  const digits = expiryDigits(text);
  const shown = formatExpiry(digits, deleting);
  const atEnd = typed.caret >= typed.text.length;
  return { digits, text: shown, caret: atEnd ? shown.length : caretAfter(shown, digitsOf(typed.text.slice(0, typed.caret)).length) };
}

/**
 * A date's digits, month first: MM, MMY, MMYY or MMYYYY. Takes what is typed (1 / 30, 0130), filled in (01/2030) and what is
 * copied (2030-01).
 */
export function expiryDigits(text) {
  const plain = text.normalize('NFKC').trim();
  const iso = /^(\d{4})\s*[-/.]\s*(\d{1,2})$/.exec(plain);
  if (iso) return iso[2].padStart(2, '0') + iso[1];
  const parts = /^(\d{1,2})[^0-9]+(\d*)$/.exec(plain);
  const digits = parts ? parts[1].padStart(2, '0') + parts[2] : leadingMonth(digitsOf(plain));
  return digits.slice(0, digits.slice(2, 4) === '20' ? 6 : 4);
}

/** No month begins with 2 to 9, and 13 to 19 are none: then the first digit is the whole month. */
function leadingMonth(digits) {
  const wholeMonth = /^([2-9]|1[3-9])/.test(digits);
  return wholeMonth ? '0' + digits : digits;
}

/** The date as it is on the card. After the month the slash comes by itself, unless the payer is deleting. */
export function formatExpiry(digits, deleting) {
  if (digits.length < 2 || (digits.length === 2 && deleting)) return digits;
  return `${digits.slice(0, 2)} / ${digits.slice(2)}`;
}

/** The digits, and how many stand before the caret. Deleting a space means the digit beyond it. */
function read({ text, caret, last, inputType }) {
  let digits = digitsOf(text);
  let before = digitsOf(text.slice(0, caret)).length;
  if (text.length < last.length && digits === digitsOf(last)) {
    if (inputType === 'deleteContentBackward' && before > 0) {
      before--;
      digits = digits.slice(0, before) + digits.slice(before + 1);
    } else if (inputType === 'deleteContentForward') {
      digits = digits.slice(0, before) + digits.slice(before + 1);
    }
  }
  return { digits, before };
}

/** Where the caret is behind so many digits: at the end, behind what was put there. */
function caretAfter(text, digits) {
  let at = 0;
  for (let seen = 0; at < text.length && seen < digits; at++) if (/[0-9]/.test(text[at])) seen++;
  while (at < text.length && !/[0-9]/.test(text[at])) at++;
  return digits === 0 ? 0 : at;
}
