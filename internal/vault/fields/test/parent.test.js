import assert from 'node:assert/strict';
import { test } from 'node:test';
import { membersOf, join } from '../group.js';
import { talk } from '../parent.js';

const shop = 'https://shop.example';

/** A field in a frame: what the page around says to it is heard, and what it says back. */
function frame() {
  const heard = [];
  const said = [];
  let listener;
  const parent = { postMessage: (message, to) => said.push({ message, to }) };
  const window = { parent, addEventListener: (_, f) => { listener = f; } };
  const say = talk(window, shop, new Map([['init', (m) => heard.push(m.type)], ['focus', (m) => heard.push(m.type)]]));
  const receive = (message, from = {}) => listener({ source: parent, origin: shop, data: message, ...from });
  return { heard, said, say, receive, parent };
}

const init = { florin: 1, id: 'a', type: 'init' };

test('only the page around is heard, and only from its origin', () => {
  const f = frame();
  f.receive(init, { origin: 'https://evil.example' });
  f.receive(init, { source: {} });
  f.receive(init, { origin: 'https://shop.example.evil.example' });
  f.receive(init, { origin: 'null' });
  f.say('ready');
  assert.deepEqual([f.heard, f.said], [[], []], 'before its init a field neither hears nor speaks');
  f.receive(init);
  assert.deepEqual(f.heard, ['init']);
});

test('what a field says goes to that origin and no other', () => {
  const f = frame();
  f.receive(init);
  f.say('change', { complete: true, type: 'x', id: 'b', florin: 9 });
  assert.deepEqual(f.said, [{ message: { complete: true, florin: 1, id: 'a', type: 'change' }, to: shop }]);
});

test('what is no message of this version and this field is nothing', () => {
  const f = frame();
  f.receive(init);
  for (const message of [null, undefined, 'focus', 7, [], {}, { ...init, florin: 2 }, { ...init, florin: '1' }, { florin: 1, type: 'focus' }, { florin: 1, id: 'b', type: 'focus' },
    { florin: 1, id: 'a', type: 'constructor' }, { florin: 1, id: 'a', type: 'toString' }, { florin: 1, id: 'a' }]) f.receive(message);
  assert.deepEqual(f.heard, ['init']);
  f.receive({ florin: 1, id: 'a', type: 'focus' });
  assert.deepEqual(f.heard, ['init', 'focus']);
});

test('fields find those of their group, and no others', () => {
  const member = (group, key = 'pk_1', origin = shop) => ({ group, key, origin });
  const own = {};
  const all = [own, {}, {}, {}, {}];
  const stranger = new Proxy({}, { get() { throw new Error('SecurityError'); } });
  all.push(stranger);
  const members = [member('g'), member('g'), member('h'), member('g', 'pk_2'), member('g', 'pk_1', 'https://other.example')];
  members.forEach((m, i) => join(all[i], m));
  own.parent = { frames: all };
  assert.deepEqual(membersOf(own, members[0]), [members[0], members[1]]);
});
