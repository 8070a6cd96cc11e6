// A hosted field: one box, or all three of a card. Digits are in the boxes, and leave for the vault's own door only: they are in no
// message, address, storage, log or attribute.
import { data } from './data.js';
import {
  brandOf, brandTitle, cvcDone, cvcState, digitsOf, expiryOf, expiryState, localeOf, numberDone, numberState,
} from './card.js';
import { editCVC, editExpiry, editNumber, expiryDigits } from './edit.js';
import { applyStyle } from './style.js';
import { talk } from './parent.js';
import { join, membersOf } from './group.js';

const answerWithin = 25_000; // milliseconds; the page around waits 30 seconds
const longestText = 200;

const form = document.getElementById('field');
const fault = document.getElementById('fault');
const said = document.getElementById('said');
const { field: kind, key, origin } = form.dataset;

const order = ['number', 'expiry', 'cvc'];
/** What tells a part's state by its digits, whether the payer is done with it, and how it is typed. */
const rules = {
  number: { digits: digitsOf, state: numberState, done: numberDone, edit: editNumber },
  expiry: { digits: expiryDigits, state: (digits) => expiryState(digits, new Date()), done: (digits) => expiryState(digits, new Date()).complete, edit: editExpiry },
  cvc: { digits: digitsOf, state: (digits) => cvcState(digits, brand()), done: (digits) => cvcDone(digits, brand()), edit: editCVC },
};
/** The parts of this frame; `shown` is the code of the error that the payer sees, `last` the text before the newest edit. */
const parts = order.map((name) => ({ name, input: document.getElementById(name), shown: null, last: '' })).filter((part) => part.input);
const partOf = (name) => parts.find((part) => part.name === name);

let texts = data.texts[localeOf(navigator.languages)];
let looks = {}; // placeholders and labels of the shop's own

/** What the siblings may use. It is of this origin only. */
const member = {
  kind, key, origin, group: '',
  names: parts.map((part) => part.name),
  brand: () => (partOf('number') ? brandOf(digitsOf(partOf('number').input.value)) : null),
  brandChanged: () => refresh('cvc'),
  card: () => Object.assign({}, ...parts.map(valuesOf)),
  check: () => parts.map((part) => ({ part: part.name, code: checked(part) })).filter(({ code }) => code),
  show: (name, code) => { const part = partOf(name); if (part) { part.shown = code; tell(); } },
  focus: (name, atEnd) => focusOn(partOf(name), atEnd),
  tokenize: (owner) => tokenize(owner),
};

const say = talk(window, origin, new Map(Object.entries({
  init: (m) => {
    member.group = String(m.group ?? '');
    say('ready');
    lastChange = '';
    height = 0; // what was measured before, nobody heard
    update(m);
    measure();
  },
  update,
  focus: () => focusOn(parts.find((part) => !stateOf(part).complete) ?? parts[0]),
  blur: () => document.activeElement?.blur(),
  clear: () => { for (const part of parts) empty(part); tell(); },
  createToken,
})));

join(window, member);

/** The brand of the card, which the number's frame knows. */
function brand() {
  const own = member.brand();
  if (own !== null) return own;
  const number = membersOf(window, member).find((other) => other.names.includes('number'));
  return number?.brand() ?? 'unknown';
}

function stateOf(part) {
  return rules[part.name].state(rules[part.name].digits(part.input.value));
}

/** What a part adds to the card. */
function valuesOf(part) {
  const digits = rules[part.name].digits(part.input.value);
  switch (part.name) {
    case 'number': return { number: digits };
    case 'expiry': { const date = expiryOf(digits); return { exp_month: date?.month, exp_year: date?.year }; }
    default: return { cvc: digits };
  }
}

/** Shows what is wrong with a part, as if the payer had left it, and gives the code. */
function checked(part) {
  part.shown = stateOf(part).error;
  tell();
  return part.shown;
}

// Typing

const behaviour = { keystrokes: 0, pastes: 0, first: 0, last: 0 };

for (const part of parts) {
  part.input.addEventListener('input', (event) => typed(part, event));
  part.input.addEventListener('compositionend', (event) => typed(part, event));
  part.input.addEventListener('paste', () => { behaviour.pastes++; });
  part.input.addEventListener('drop', () => { behaviour.pastes++; });
  part.input.addEventListener('keydown', (event) => {
    const first = part.input.value === '' && event.key === 'Backspace' && !event.isComposing;
    if (first && step(part, -1)) event.preventDefault(); // the key is spent: it must not delete there too
  });
  part.input.addEventListener('focusin', (event) => { if (!within(event.relatedTarget)) say('focus'); });
  part.input.addEventListener('focusout', (event) => left(part, within(event.relatedTarget)));
}

form.addEventListener('submit', (event) => event.preventDefault());
window.addEventListener('pagehide', () => { for (const part of parts) empty(part); }); // no history of the browser keeps a card

function typed(part, event) {
  if (event.isComposing) return; // compositionend comes with the whole of it
  const { input } = part;
  const rule = rules[part.name];
  const inputType = event.inputType ?? '';
  count(inputType, event.timeStamp);
  const edited = rule.edit({ text: input.value, caret: input.selectionStart ?? input.value.length, last: part.last, inputType, brand: brand() });
  if (input.value !== edited.text) {
    input.value = edited.text;
    if (document.activeElement === input) input.setSelectionRange(edited.caret, edited.caret);
  }
  part.last = edited.text;
  const state = rule.state(edited.digits);
  part.shown = state.final ? state.error : null;
  if (part.name === 'number') brandMayHaveChanged();
  tell();
  const writing = inputType.startsWith('insert') && document.activeElement === input && edited.caret === edited.text.length;
  if (writing && rule.done(edited.digits)) step(part, 1);
}

/** Whether the focus goes on inside this field. */
function within(other) {
  return other !== null && form.contains(other);
}

function left(part, within) {
  const state = stateOf(part);
  part.shown = state.empty ? null : state.error;
  tell();
  if (within) return;
  tellBehaviour();
  say('blur');
}

function empty(part) {
  part.input.value = part.last = '';
  part.shown = null;
  if (part.name === 'number') brandMayHaveChanged();
}

/** Counts, never keys: what a robot types and pastes looks different from what a person does. */
function count(inputType, at) {
  if (inputType === 'insertFromPaste' || inputType === 'insertFromDrop' || inputType === '') return;
  behaviour.keystrokes++;
  behaviour.first ||= at;
  behaviour.last = at;
}

function tellBehaviour() {
  const { keystrokes, pastes, first, last } = behaviour;
  say('behaviour', { keystrokes, pastes, millis: Math.round(last - first) });
}

/** Goes to the box after this one or before it, here or in a sibling; false if there is none. */
function step(part, by) {
  const name = order[order.indexOf(part.name) + by];
  const owner = name && membersOf(window, member).find((other) => other.names.includes(name));
  return owner ? owner.focus(name, by < 0) : false;
}

function focusOn(part, atEnd) {
  if (!part) return false;
  window.focus();
  part.input.focus();
  if (atEnd) part.input.setSelectionRange(part.input.value.length, part.input.value.length);
  return true;
}

// What the payer sees, and what the page around is told

let shownBrand = 'unknown';

function brandMayHaveChanged() {
  const now = member.brand();
  if (now === shownBrand) return;
  shownBrand = now;
  form.querySelector('.brand').textContent = brandTitle(now);
  said.textContent = brandTitle(now);
  for (const other of membersOf(window, member)) other.brandChanged();
}

/** Judges a part anew because another one changed. */
function refresh(name) {
  const part = partOf(name);
  if (!part) return;
  const state = stateOf(part);
  part.shown = part.shown || state.final ? (state.empty ? null : state.error) : null;
  tell();
}

let lastChange = '';

function tell() {
  const states = parts.map(stateOf);
  parts.forEach((part, i) => {
    part.input.setAttribute('aria-invalid', String(part.shown !== null));
    part.input.removeAttribute('aria-describedby');
    part.input.classList.toggle('complete', states[i].complete);
    part.input.classList.toggle('empty', states[i].empty);
  });
  const first = parts.find((part) => part.shown !== null);
  first?.input.setAttribute('aria-describedby', 'fault');
  const error = first ? { code: first.shown, message: texts.errors[first.shown] ?? texts.errors.not_saved, part: first.name } : null;
  if (fault.textContent !== (error?.message ?? '')) fault.textContent = error?.message ?? '';
  const change = {
    complete: states.every((state) => state.complete), empty: states.every((state) => state.empty), brand: brand(), error, field: kind,
  };
  const text = JSON.stringify(change);
  if (text === lastChange) return;
  lastChange = text;
  say('change', change);
}

/** Takes the looks that a message brings; what it does not name stays. */
function update({ style, placeholder, locale, labels, disabled, errors }) {
  if (style !== undefined) applyStyle(style, document);
  if (placeholder !== undefined) looks.placeholder = placeholder;
  if (labels !== undefined) looks.labels = labels;
  if (errors !== undefined) form.classList.toggle('telling', errors === 'inline');
  if (disabled !== undefined) for (const part of parts) part.input.disabled = Boolean(disabled);
  if (typeof locale === 'string') {
    const name = localeOf([locale, ...navigator.languages]);
    texts = data.texts[name];
    document.documentElement.lang = name;
  }
  document.title = texts.titles[kind];
  for (const part of parts) {
    const label = own(looks.labels, part) ?? texts.labels[part.name];
    part.input.placeholder = own(looks.placeholder, part) ?? texts.placeholders[part.name];
    part.input.setAttribute('aria-label', label);
    part.input.parentElement.querySelector('.name').textContent = label;
  }
  tell();
}

/** A text of the shop's own for a part: one for each by name, or a single one for a field of a single part. */
function own(given, part) {
  const text = given && typeof given === 'object' && Object.hasOwn(given, part.name) ? given[part.name] : parts.length === 1 ? given : null;
  return typeof text === 'string' ? text.slice(0, longestText) : null;
}

let height = 0;

function measure() {
  const now = Math.ceil(form.getBoundingClientRect().height);
  if (now === height || now === 0) return;
  height = now;
  say('resize', { height });
}

new ResizeObserver(measure).observe(form);

// The token

async function createToken({ requestId, name }) {
  tellBehaviour();
  const owner = membersOf(window, member).find((other) => other.names.includes('number'));
  const answer = owner ? await owner.tokenize(name) : { problem: problem('element_missing', null, []) };
  if (answer.token) say('token', { requestId, token: answer.token });
  else say('token_error', { requestId, problem: answer.problem });
}

/** Makes a token of the group's card. It runs in the number's frame. */
async function tokenize(name) {
  const group = kind === 'card' ? [member] : membersOf(window, member);
  if (!group.some((other) => other.names.includes('expiry'))) return { problem: problem('element_missing', null, []) };
  const faults = group.flatMap((other) => other.check());
  faults.sort((a, b) => order.indexOf(a.part) - order.indexOf(b.part));
  if (faults.length > 0) {
    group.find((other) => other.names.includes(faults[0].part)).focus(faults[0].part);
    return { problem: problem(faults[0].code, paramOf(faults[0].part), faults) };
  }
  const card = Object.assign({}, ...group.map((other) => other.card()));
  if (typeof name === 'string' && name.trim() !== '') card.name = name.trim();
  try {
    const response = await fetch('/v1/tokens', {
      method: 'POST', headers: { 'Authorization': `Bearer ${key}`, 'Content-Type': 'application/json' }, body: JSON.stringify({ card }),
      credentials: 'omit', cache: 'no-store', redirect: 'error', referrerPolicy: 'no-referrer', signal: AbortSignal.timeout(answerWithin),
    });
    const body = await response.json();
    return response.status === 201 ? { token: body } : { problem: refused(body, group) };
  } catch {
    return { problem: { ...problem('network_error', null, []), status: 0, retryable: true } };
  }
}

const params = { number: ['card.number'], expiry: ['card.exp_month', 'card.exp_year'], cvc: ['card.cvc'] };
const paramOf = (part) => params[part][0];

/** A problem of our own, in the shape of the server's. */
function problem(code, param, faults) {
  const detail = texts.errors[code];
  return {
    type: 'about:blank', title: detail, status: 400, code, detail, param, retryable: false,
    errors: faults.map((one) => ({ param: paramOf(one.part), code: one.code, detail: texts.errors[one.code] })),
  };
}

/** The server's problem, in the payer's language, and shown at the parts that it names. */
function refused(body, group) {
  for (const one of body.errors ?? []) {
    const part = order.find((name) => params[name].includes(one.param));
    const code = part && (texts.errors[one.code] ? one.code : `incorrect_${part}`);
    if (part) for (const other of group) other.show(part, code);
  }
  return { ...body, detail: texts.errors[body.code] ?? texts.errors.not_saved, reason: body.detail };
}
