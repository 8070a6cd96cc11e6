// What a card's number, date and code are, by the rules that the server judges by: data.js is made of them.
import { data } from './data.js';

/** The digits of a text, in whatever script a keyboard or a clipboard wrote them, and nothing else of it. */
export function digitsOf(text) {
  return text.normalize('NFKC').replace(/[^0-9]/g, '');
}

/** The name of the brand, as soon as the digits so far settle it; "unknown" until then. */
export function brandOf(digits) {
  for (const [from, to, width, brand] of data.ranges) {
    const first = Number(digits.slice(0, width));
    if (digits.length >= width && first >= from && first <= to) return brand;
  }
  return 'unknown';
}

/** Whether the last digit checks the others. Source: ISO/IEC 7812-1, annex B. */
export function luhn(digits) {
  let sum = 0;
  for (let i = 0; i < digits.length; i++) {
    let d = Number(digits[digits.length - 1 - i]);
    if (i % 2 === 1) d = d * 2 > 9 ? d * 2 - 9 : d * 2;
    sum += d;
  }
  return sum % 10 === 0;
}

/** How many digits a number may have at most, by what is typed of it. */
export function longest(digits) {
  return Math.max(...data.brands[brandOf(digits)].lengths);
}

/** How many digits most cards of the brand have. */
function usual(digits) {
  return Math.min(16, longest(digits));
}

/**
 * What a part of a card is. `error` is a code if it is not complete; `final` says that more typing will hardly mend it.
 * @typedef {{empty: boolean, complete: boolean, error: string|null, final: boolean}} State
 */

const fine = { empty: false, complete: true, error: null, final: false };
const lacking = (code, empty) => ({ empty, complete: false, error: code, final: false });
const wrong = (code) => ({ empty: false, complete: false, error: code, final: true });

/** @returns {State} of a number */
export function numberState(digits) {
  const fits = data.brands[brandOf(digits)].lengths.includes(digits.length);
  if (fits && luhn(digits)) return fine;
  if (digits.length >= longest(digits) || (fits && digits.length >= usual(digits))) return wrong('incorrect_number');
  return lacking('incomplete_number', digits === '');
}

/** Whether the payer is done with the number: a longer one could follow, but the usual length is there and right. */
export function numberDone(digits) {
  return digits.length >= usual(digits) && numberState(digits).complete;
}

/** @returns {State} of a code on a card of the brand */
export function cvcState(digits, brand) {
  const exact = data.brands[brand]?.cvc || 0;
  if (exact ? digits.length === exact : digits.length === 3 || digits.length === 4) return fine;
  return digits.length > (exact || 4) ? wrong('incorrect_cvc') : lacking('incomplete_cvc', digits === '');
}

/** How many digits the code of a brand's card has at most. */
export function longestCVC(brand) {
  return data.brands[brand]?.cvc || 4;
}

/** Whether no digit is missing from the code: without a brand, three may be all or not. */
export function cvcDone(digits, brand) {
  return digits.length === longestCVC(brand);
}

/**
 * The month and the year of a date as expiryDigits gives it.
 * @returns {{month: number, year: number}|null} null if the year is not all there; one of 20 could become 20xx
 */
export function expiryOf(digits) {
  const year = digits.slice(2);
  const whole = year.length === 4 || (year.length === 2 && year !== '20');
  return whole ? { month: Number(digits.slice(0, 2)), year: year.length === 4 ? Number(year) : 2000 + Number(year) } : null;
}

/** @returns {State} of a date, which is good through the end of its month in UTC */
export function expiryState(digits, now) {
  const month = Number(digits.slice(0, 2));
  if (digits.length >= 2 && (month < 1 || month > 12)) return wrong('incorrect_expiry');
  const date = expiryOf(digits);
  if (!date) return lacking('incomplete_expiry', digits === '');
  const [thisYear, thisMonth] = [now.getUTCFullYear(), now.getUTCMonth() + 1];
  if (date.year > thisYear + data.maxYears) return wrong('incorrect_expiry');
  if (date.year < thisYear || (date.year === thisYear && date.month < thisMonth)) return wrong('expired_card');
  return fine;
}

/** The brand's name for people; empty if it has none. */
export function brandTitle(brand) {
  return data.brands[brand]?.title ?? '';
}

/** The locale of ours that a payer wants most: by the exact name, or else by the language. */
export function localeOf(wanted) {
  const ours = Object.keys(data.texts);
  for (const tag of wanted) {
    const found = ours.find((name) => name.toLowerCase() === tag.toLowerCase())
      ?? ours.find((name) => name.split('-')[0] === tag.toLowerCase().split('-')[0]);
    if (found) return found;
  }
  return 'en';
}
