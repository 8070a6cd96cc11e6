import assert from 'node:assert/strict';
import test from 'node:test';
import { Florin, KEY, Page, SHOP, VAULT, settle } from './page.mjs';

test('a field is a frame of the vault, named for screen readers', () => {
  const page = new Page();
  const { frame } = page.card();
  const url = new URL(frame.src);
  assert.equal(url.origin + url.pathname, `${VAULT}/fields/v1/card`);
  assert.deepEqual(Object.fromEntries(url.searchParams), { key: KEY, origin: SHOP });
  assert.equal(frame.title, 'Kartendaten');
  assert.equal(frame.referrerPolicy, 'no-referrer');
  assert.deepEqual(page.nodes['#card'].children, [frame]);
});

test('a language without titles gets English ones, and a page may give its own', () => {
  const page = new Page();
  assert.equal(page.card(Florin(KEY, { locale: 'fi' })).frame.title, 'Card details');
  assert.equal(page.card(Florin(KEY), { title: 'Kortti' }).frame.title, 'Kortti');
});

test('every message goes to the vault by name, with version and type', () => {
  const page = new Page();
  const { element, frame } = page.card(Florin(KEY), { style: { color: 'red' }, placeholder: 'Karte', errors: 'inline' });
  element.focus().clear().blur().update({ style: { color: 'blue' }, disabled: true });
  const { told } = frame.contentWindow;
  assert.deepEqual(told.map((one) => one.data.type), ['init', 'focus', 'clear', 'blur', 'update']);
  for (const { data, targetOrigin } of told) {
    assert.equal(targetOrigin, VAULT);
    assert.equal(data.florin, 1);
    assert.match(data.id, /^[0-9a-f]{32}$/);
  }
  assert.deepEqual(told[0].data.style, { color: 'red' });
  assert.equal(told[0].data.placeholder, 'Karte');
  assert.equal(told[0].data.errors, 'inline');
  assert.equal(told.at(-1).data.disabled, true);
  assert.match(told[0].data.group, /^[0-9a-f]{32}$/);
  assert.deepEqual(told.at(-1).data.style, { color: 'blue' });
});

test('a field that is faster than its load event is told once what to look like', () => {
  const page = new Page();
  const element = Florin(KEY).elements().create('card').mount('#card');
  const [frame] = page.frames;
  let ready = 0;
  element.on('ready', () => ready++);
  page.say(frame, 'ready');
  frame.dispatchEvent(new Event('load'));
  assert.equal(frame.contentWindow.of('init').length, 1);
  assert.equal(ready, 1);
  frame.dispatchEvent(new Event('load')); // the frame was loaded again: its page knows nothing
  assert.equal(frame.contentWindow.of('init').length, 2);
});

test('an update before the field is there is part of what it is told first', () => {
  const page = new Page();
  const element = Florin(KEY).elements().create('card').mount('#card');
  element.update({ style: { color: 'green' } });
  page.load(page.frames[0]);
  assert.deepEqual(page.frames[0].contentWindow.told.map((one) => one.data.type), ['init']);
  assert.deepEqual(page.frames[0].contentWindow.of('init')[0].style, { color: 'green' });
});

test('messages of other origins, other windows and other protocols are ignored', async () => {
  const page = new Page();
  const { florin, element, frame } = page.card();
  const seen = [];
  element.on('change', (event) => seen.push(event));
  const change = { florin: 1, id: 'x', type: 'change', complete: true, brand: 'visa' };
  page.message(change, { origin: 'https://evil.example' });
  page.message(change, { origin: 'null' });
  page.message(change, { origin: `${VAULT}.evil.example` });
  page.message(change, { source: page.window });
  page.message(change, { source: null });
  page.message(change, { source: { postMessage() {} } });
  page.message({ ...change, florin: 2 });
  page.message(JSON.stringify(change));
  page.message(null);
  assert.deepEqual(seen, []);

  const made = florin.createToken(element);
  await settle();
  const { requestId } = frame.contentWindow.of('createToken')[0];
  const forged = { florin: 1, id: 'x', type: 'token', requestId, token: { id: 'pm_tok_evil' } };
  page.message(forged, { origin: 'https://evil.example' });
  page.message(forged, { source: page.window });
  page.message({ ...forged, requestId: 'another' });
  await page.tokenize(frame);
  assert.equal((await made).token.id, 'pm_tok_1');
});

test('a listener gets what it was promised and nothing that came along', () => {
  const page = new Page();
  const { element, frame } = page.card();
  const seen = [];
  element.on('change', (event) => seen.push(event));
  page.say(frame, 'change', { complete: false, empty: false, brand: 'visa', field: 'number', number: '4242424242424242',
    error: { code: 'incomplete_number', message: 'Unvollständig', part: 'number', value: '4242' } });
  assert.deepEqual(seen, [{ complete: false, empty: false, brand: 'visa', field: 'number', elementType: 'card',
    error: { code: 'incomplete_number', message: 'Unvollständig', part: 'number' } }]);
});

test('two instances and their fields do not hear each other', async () => {
  const page = new Page();
  const one = page.card(Florin('pk_test_one'));
  const two = Florin('pk_test_two').elements().create('card').mount('#number');
  const frame = page.frames.at(-1);
  page.load(frame);
  const heard = [];
  one.element.on('focus', () => heard.push('one'));
  two.on('focus', () => heard.push('two'));
  page.say(frame, 'focus');
  assert.deepEqual(heard, ['two']);

  const first = one.florin.createToken(one.element);
  const second = one.florin.createToken(two);
  await settle();
  await page.tokenize(frame, { token: { id: 'pm_tok_two' } });
  await page.tokenize(one.frame, { token: { id: 'pm_tok_one' } });
  assert.deepEqual([(await first).token.id, (await second).token.id], ['pm_tok_one', 'pm_tok_two']);
  const groups = page.frames.map((each) => each.contentWindow.of('init')[0].group);
  assert.notEqual(groups[0], groups[1]);
});

test('of fields apart, the number makes the token, whichever is asked', async () => {
  const page = new Page();
  const florin = Florin(KEY);
  const elements = florin.elements();
  const [number, expiry] = ['number', 'expiry', 'cvc'].map((part) => elements.create(`card-${part}`).mount(`#${part}`));
  page.frames.forEach((frame) => page.load(frame));
  assert.equal(new Set(page.frames.map((frame) => frame.contentWindow.of('init')[0].group)).size, 1);
  const made = florin.createToken(expiry, { name: 'Ada' });
  await page.tokenize(page.frames[0]);
  assert.equal((await made).token.id, 'pm_tok_1');
  assert.equal(page.frames[0].contentWindow.of('createToken')[0].name, 'Ada');
  assert.equal(page.frames[1].contentWindow.of('createToken').length, 0);
  number.destroy();
  await assert.rejects(florin.createToken(expiry), /card-number/);
});

test('a token that the vault refuses is an answer with its reason', async () => {
  const page = new Page();
  const { florin, element, frame } = page.card();
  const made = florin.createToken(element);
  await page.tokenize(frame, { problem: { code: 'parameter_invalid', detail: 'The number is not complete.', param: 'card.number', request_id: 'req_9' } });
  const { error } = await made;
  assert.deepEqual([error.code, error.message, error.param, error.retryable, error.request_id],
    ['parameter_invalid', 'The number is not complete.', 'card.number', false, 'req_9']);
});

test('a token waits until its field is ready', async () => {
  const page = new Page();
  const florin = Florin(KEY);
  const element = florin.elements().create('card').mount('#card');
  const made = florin.createToken(element);
  await settle();
  assert.equal(page.frames[0].contentWindow.of('createToken').length, 0);
  page.load(page.frames[0]);
  await page.tokenize(page.frames[0]);
  assert.equal((await made).token.id, 'pm_tok_1');
});

test('a field that never loads says so, with the likely reason', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const page = new Page();
  const florin = Florin(KEY);
  const element = florin.elements().create('card').mount('#card');
  const told = [];
  element.on('loaderror', (event) => told.push(event.error.code));
  page.frames[0].dispatchEvent(new Event('load')); // browsers say "load" for a refusal, too
  const made = florin.createToken(element);
  t.mock.timers.tick(19_999);
  await settle();
  assert.deepEqual(told, []);
  t.mock.timers.tick(1);
  const { error } = await made;
  assert.equal(error.code, 'element_unavailable');
  assert.match(error.message, /https:\/\/shop\.example registered/);
  assert.deepEqual(told, ['element_unavailable']);

  page.say(page.frames[0], 'ready'); // very late, but there
  const second = florin.createToken(element);
  await page.tokenize(page.frames[0]);
  assert.equal((await second).token.id, 'pm_tok_1');
});

test('a field that does not answer is given up, and a late answer changes nothing', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const page = new Page();
  const { florin, element, frame } = page.card();
  const made = florin.createToken(element);
  await settle();
  t.mock.timers.tick(30_000);
  const { error } = await made;
  assert.deepEqual([error.code, error.retryable, error.retry], ['timeout', true, 'later']);
  await page.tokenize(frame);
});

test('taking a field out ends what it was asked, and it can come back', async () => {
  const page = new Page();
  const { florin, element, frame } = page.card();
  const made = florin.createToken(element);
  await settle();
  element.unmount();
  assert.equal((await made).error.code, 'element_unmounted');
  assert.deepEqual(page.nodes['#card'].children, []);
  assert.deepEqual([...page.nodes['#card'].classList], []);
  assert.equal((await florin.createToken(element)).error.code, 'element_not_mounted');
  const heard = [];
  element.on('focus', () => heard.push('focus'));
  page.message({ florin: 1, id: 'x', type: 'focus' }, { source: frame.contentWindow });
  assert.deepEqual(heard, []);

  element.mount(page.nodes['#number']);
  page.load(page.frames.at(-1));
  page.say(page.frames.at(-1), 'focus');
  assert.deepEqual(heard, ['focus']);
  element.destroy();
  assert.throws(() => element.mount('#card'), /destroyed/);
});

test('the container carries classes for what goes on in the field', () => {
  const page = new Page();
  const { frame } = page.card();
  const classes = () => [...page.nodes['#card'].classList].sort();
  assert.deepEqual(classes(), ['florin-empty', 'florin-field']);
  page.say(frame, 'focus');
  page.say(frame, 'change', { error: { code: 'x', message: 'y' } });
  assert.deepEqual(classes(), ['florin-field', 'florin-focus', 'florin-invalid']);
  page.say(frame, 'change', { complete: true });
  page.say(frame, 'blur');
  assert.deepEqual(classes(), ['florin-complete', 'florin-field']);
});

test('a field sets its own height, within reason', () => {
  const page = new Page();
  const { frame } = page.card();
  page.say(frame, 'resize', { height: 43.2 });
  assert.equal(frame.style.height, '44px');
  for (const height of [1e9, -5, NaN, '100vh', undefined]) page.say(frame, 'resize', { height });
  assert.equal(frame.style.height, '44px');
});

test("a click on the container's label goes into the field", () => {
  const page = new Page();
  const { element, frame } = page.card();
  page.label.dispatchEvent(new Event('click'));
  assert.equal(frame.contentWindow.of('focus').length, 1);
  element.unmount();
  page.label.dispatchEvent(new Event('click'));
  assert.equal(frame.contentWindow === null, true);
});

test('a listener that throws does not keep the others from hearing', (t) => {
  const page = new Page();
  const { element, frame } = page.card();
  const later = [];
  t.mock.method(globalThis, 'queueMicrotask', (work) => later.push(work));
  const heard = [];
  const second = () => heard.push('second');
  element.on('focus', () => { throw new Error('of the page'); }).on('focus', second);
  page.say(frame, 'focus');
  assert.equal(later.length, 1);
  assert.throws(later[0], /of the page/);
  assert.deepEqual(heard, ['second']);
  element.off('focus', second).off('focus');
  page.say(frame, 'focus');
  assert.deepEqual(heard, ['second']);
});

test('mistakes of the page are thrown', async () => {
  new Page();
  assert.throws(() => Florin('sk_test_dev'), /secret key must never be in a page/);
  assert.throws(() => Florin(), TypeError);
  const florin = Florin(KEY);
  const elements = florin.elements();
  assert.throws(() => elements.create('iban'), /no element "iban"/);
  assert.throws(() => elements.create('toString'), TypeError);
  const card = elements.create('card');
  assert.throws(() => elements.create('card'), /already/);
  assert.equal(elements.getElement('card'), card);
  assert.throws(() => card.mount('#nowhere'), /#nowhere/);
  assert.throws(() => card.on('change'), /function/);
  await assert.rejects(florin.createToken({ id: 'card' }), /elements\(\)\.create\(\)/);
  card.destroy();
  assert.equal(elements.getElement('card'), null);
});
