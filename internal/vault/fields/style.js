// What a shop may say about the looks of a field: a white list, set as values and never as text of a style sheet.

/** The properties, as CSS names them. Nothing here can load, overlay or move anything. */
const allowed = new Set([
  'background-color', 'caret-color', 'color', 'font-family', 'font-feature-settings', 'font-size', 'font-style', 'font-variant', 'font-variant-numeric',
  'font-weight', 'letter-spacing', 'line-height', 'opacity', 'padding', 'padding-bottom', 'padding-left', 'padding-right', 'padding-top', 'text-align',
  'text-decoration', 'text-shadow', 'text-transform', 'word-spacing', '-webkit-font-smoothing', '-moz-osx-font-smoothing',
]);

/** The states that can have looks of their own, by what selects them. A later one wins. */
const states = {
  base: 'input', placeholder: 'input::placeholder', empty: 'input.empty', complete: 'input.complete', hover: 'input:hover', focus: 'input:focus',
  invalid: 'input[aria-invalid="true"]', brand: '.brand', error: '.telling #fault',
};

/** A value is words, numbers and colours; of functions, only those that compute a colour or a length. */
const plain = /^[\w\s.,%#'"()+*/-]{1,200}$/;
const functions = /([\w-]*)\(/g;
const computing = new Set(['', 'rgb', 'rgba', 'hsl', 'hsla', 'lab', 'lch', 'oklab', 'oklch', 'color-mix', 'calc', 'min', 'max', 'clamp']);

/** A value as text, or null if it is not one that a shop may set. */
function acceptable(value) {
  const text = typeof value === 'number' ? String(value) : value;
  if (typeof text !== 'string' || !plain.test(text)) return null;
  const called = [...text.matchAll(functions)].map(([, name]) => name.toLowerCase());
  return called.every((name) => computing.has(name)) ? text : null;
}

/** The rules that a shop's style makes: by selector, the properties and values that are allowed. Unknown ones are left out. */
export function rulesOf(style) {
  if (!style || typeof style !== 'object') return [];
  const flat = Object.values(style).every((value) => typeof value !== 'object');
  const byState = flat ? { base: style } : style;
  const rules = [];
  for (const [state, selector] of Object.entries(states)) {
    const wanted = Object.hasOwn(byState, state) ? byState[state] : null;
    if (!wanted || typeof wanted !== 'object') continue;
    const values = [];
    for (const [name, value] of Object.entries(wanted)) {
      const property = name.replace(/[A-Z]/g, (letter) => '-' + letter.toLowerCase()).replace(/^(webkit|moz)-/, '-$1-');
      const text = acceptable(value);
      if (allowed.has(property) && text !== null) values.push([property, text]);
    }
    rules.push({ selector, values });
  }
  return rules;
}

/** Puts the rules of a style in place of those from before. */
export function applyStyle(style, document) {
  const sheet = new CSSStyleSheet();
  for (const { selector, values } of rulesOf(style)) {
    const rule = sheet.cssRules[sheet.insertRule(`${selector} {}`, sheet.cssRules.length)];
    for (const [property, value] of values) rule.style.setProperty(property, value);
  }
  document.adoptedStyleSheets = [sheet];
}
