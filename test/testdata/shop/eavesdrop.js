// What a curious page can hear. It is loaded first, before florin.js.
'use strict';
window.heard = { messages: [], keys: 0, events: [] };
addEventListener('message', (event) => { heard.messages.push({ origin: event.origin, data: event.data }); }, true);
for (const type of ['keydown', 'keyup', 'keypress', 'beforeinput', 'input', 'paste', 'copy', 'compositionend']) {
  addEventListener(type, () => { heard.keys++; }, true);
}
