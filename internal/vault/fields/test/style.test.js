import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rulesOf } from '../style.js';

const valuesOf = (style) => Object.fromEntries(rulesOf(style).flatMap(({ values }) => values));

test('what a shop may say about the looks is taken', () => {
  const given = { color: '#1b1d21', fontFamily: '"Helvetica Neue", Arial, sans-serif', 'font-size': '1.1rem', letterSpacing: '-0.01em', lineHeight: 1.4, backgroundColor: 'rgba(0, 0, 0, 0.1)',
    padding: 'calc(4px + 1%) 8px', WebkitFontSmoothing: 'antialiased' };
  assert.deepEqual(valuesOf(given), { 'color': '#1b1d21', 'font-family': '"Helvetica Neue", Arial, sans-serif', 'font-size': '1.1rem', 'letter-spacing': '-0.01em', 'line-height': '1.4',
    'background-color': 'rgba(0, 0, 0, 0.1)', 'padding': 'calc(4px + 1%) 8px', '-webkit-font-smoothing': 'antialiased' });
});

test('states have looks of their own', () => {
  const rules = rulesOf({ base: { color: 'black' }, invalid: { color: 'red' }, placeholder: { color: 'gray' }, unheard: { color: 'blue' } });
  assert.deepEqual(rules.map(({ selector }) => selector), ['input', 'input::placeholder', 'input[aria-invalid="true"]']);
});

test('what could load, cover or say something is left out', () => {
  for (const style of [
    { background: 'red' }, { backgroundImage: 'none' }, { position: 'fixed' }, { content: '"x"' }, { behavior: 'x' }, { '--x': '1' }, { font: '12px x' }, { color: 'url(https://shop.example/a)' },
    { color: 'URL(x)' }, { color: 'image-set("x" 1x)' }, { color: 'red; position: fixed' }, { color: 'red } * { color: blue' }, { color: 'var(--x)' }, { color: 'attr(value)' },
    { color: '\\75rl(x)' }, { color: 'red !important' }, { color: '@import' }, { color: 'x'.repeat(201) }, { color: {} }, { color: null }, { color: [] }, { color: '' }, { base: { zIndex: 9 } },
    { base: 'color: red' }, { 'color: red; x': '1' },
  ]) {
    assert.deepEqual(valuesOf(style), {}, JSON.stringify(style));
  }
  for (const none of [null, undefined, 'color: red', 7]) assert.deepEqual(rulesOf(none), []);
});
