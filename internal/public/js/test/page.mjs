// A page, written by hand: as much of a browser as florin.js touches.
import { readFile } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';

export const PUBLIC = 'https://pay.example';
export const VAULT = 'https://vault.example';
export const SHOP = 'https://shop.example';
export const KEY = 'pk_test_shop';
export const SECRET = 'pay_01arz3ndektsv4rrffq69g5fav_secret_one';
export const PAYMENT = 'pay_01arz3ndektsv4rrffq69g5fav';

const source = (await readFile(new URL('../florin.js', import.meta.url), 'utf8')).replace('__PUBLIC_URL__', PUBLIC).replace('__VAULT_URL__', VAULT);
export const { Florin } = await import('data:text/javascript,' + encodeURIComponent(source));

/** Lets everything happen that can happen without time passing and without another thread. */
export async function settle() {
  for (let i = 0; i < 20; i++) await setImmediate();
}

/** Waits for what another thread does: the hash of the fingerprint. */
export async function until(happened) {
  while (!happened()) await setImmediate();
}

class Classes extends Set {
  remove(...words) { words.forEach((word) => this.delete(word)); }
  toggle(word, on) { on ? this.add(word) : this.delete(word); }
}

class Node extends EventTarget {
  style = {};
  attributes = {};
  children = [];
  classList = new Classes();
  parent = null;
  constructor(tag, id = '') { super(); this.tag = tag; this.id = id; }
  setAttribute(name, value) { this.attributes[name] = value; }
  appendChild(child) { this.children.push(child); child.parent = this; }
  replaceChildren(...children) { this.children = []; children.forEach((child) => this.appendChild(child)); }
  showModal() { this.open = true; }
  close() { this.open = false; }
  remove() { this.parent.children = this.parent.children.filter((child) => child !== this); this.contentWindow = null; }
}

/** The window in a frame: it keeps what it is told. */
class Inside {
  told = []; // { data, targetOrigin }
  postMessage(data, targetOrigin) { this.told.push({ data: structuredClone(data), targetOrigin }); }
  of(type) { return this.told.map((one) => one.data).filter((data) => data.type === type); }
}

/** A response as fetch gives it. */
export function answer(status, body, headers = {}) {
  return new Response(typeof body === 'string' ? body : JSON.stringify(body), { status, headers });
}

export const down = () => { throw new TypeError('fetch failed'); };
export const never = (_, { signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));

/** Opens a page: its globals are there until the next one is opened. */
export class Page {
  frames = [];
  asked = []; // { method, path, headers, body }
  gone = []; // where the page was sent to
  nodes = { body: new Node('body'), '#card': new Node('div', 'card'), '#number': new Node('div'), '#expiry': new Node('div'), '#cvc': new Node('div') };
  label = new Node('label');
  /** Answers by "METHOD path", each a list that is used up from its front; its last one stays. */
  answers = { 'POST /v1/client/device_sessions': [() => answer(201, { id: 'ds_01arz3ndektsv4rrffq69g5fav' })] };

  constructor(navigator = {}) {
    this.window = new EventTarget();
    const here = (name, value) => Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
    here('window', this.window);
    here('location', { href: `${SHOP}/checkout`, origin: SHOP, assign: (url) => this.gone.push(url) });
    here('navigator', { language: 'de-DE', languages: ['de-DE', 'en'], userAgent: 'Mozilla/5.0 (X11; Linux) Firefox/140.0', platform: 'Linux x86_64',
      hardwareConcurrency: 8, maxTouchPoints: 0, webdriver: false, ...navigator });
    here('screen', { width: 1920, height: 1080, colorDepth: 24 });
    here('CSS', { escape: (text) => text });
    here('fetch', (url, request) => this.#fetch(url, request));
    here('document', {
      body: this.nodes.body,
      createElement: (tag) => {
        const node = new Node(tag);
        node.contentWindow = new Inside();
        this.frames.push(node);
        return node;
      },
      querySelector: (selector) => this.nodes[selector] ?? null,
      querySelectorAll: (selector) => (selector === 'label[for="card"]' ? [this.label] : []),
    });
  }

  async #fetch(url, { method, headers, body, signal, ...how }) {
    const path = url.slice(url.startsWith(VAULT) ? VAULT.length : PUBLIC.length);
    this.asked.push({ url, method, path, headers, body: body && JSON.parse(body), how });
    const list = this.answers[`${method} ${path}`];
    if (!list) throw new Error(`nobody expected ${method} ${url}`);
    return (list.length > 1 ? list.shift() : list[0])(url, { signal });
  }

  confirmations() { return this.asked.filter((one) => one.path.endsWith('/confirm')); }
  sessions() { return this.asked.filter((one) => one.path === '/v1/client/device_sessions'); }
  onConfirm(...answers) { this.answers[`POST /v1/client/payments/${PAYMENT}/confirm`] = answers; }
  onRetrieve(...answers) { this.answers[`GET /v1/client/payments/${PAYMENT}`] = answers; }

  /** A message reaches the page's window. */
  message(data, { origin = VAULT, source = this.frames.at(-1).contentWindow } = {}) {
    this.window.dispatchEvent(Object.assign(new Event('message'), { data, origin, source }));
  }

  /** A field says something, as the vault's page does. */
  say(frame, type, content = {}) { this.message({ florin: 1, id: 'x', type, ...content }, { source: frame.contentWindow }); }

  /** A field's page loads and is ready. */
  load(frame) {
    frame.dispatchEvent(new Event('load'));
    this.say(frame, 'ready');
  }

  /** A field answers what it was asked last: with a token, or with a problem. */
  async tokenize(frame, content = { token: { id: 'pm_tok_1', card: { brand: 'visa', last4: '4242' } } }) {
    await settle();
    const { requestId } = frame.contentWindow.of('createToken').at(-1);
    this.say(frame, content.token ? 'token' : 'token_error', { requestId, ...content });
  }

  /** A card field that is mounted and ready, and its frame. */
  card(florin = Florin(KEY), options = {}) {
    const element = florin.elements().create('card', options).mount('#card');
    const frame = this.frames.at(-1);
    this.load(frame);
    return { florin, element, frame };
  }
}

export const paid = { id: PAYMENT, object: 'payment', status: 'captured', next_action: null, failure: null, return_url: null };
export const challenged = { ...paid, status: 'requires_action', next_action: { type: 'redirect', url: `${PUBLIC}/3ds/a/b/c`, expires_at: '2026-11-22T12:10:00Z' } };
export const declined = (decline_code, client_secret) => ({
  type: 'https://docs.florin.example/errors/card_declined', title: 'The card was declined', status: 402, code: 'card_declined', decline_code,
  detail: 'The bank declined this card. Try another one.', retryable: true, retry: 'later', payment: PAYMENT, request_id: 'req_1', client_secret,
});
