// florin.js takes cards on a merchant's page. The card fields are frames from the vault's origin: no digit of a card
// ever reaches the page or this script, which only see a token. See docs/florin-js.md.

/** @typedef {import('./florin.d.ts').FlorinOptions} FlorinOptions */
/** @typedef {import('./florin.d.ts').FlorinError} FlorinError */
/** @typedef {import('./florin.d.ts').PaymentResult} PaymentResult */
/** @typedef {import('./florin.d.ts').TokenResult} TokenResult */
/** @typedef {import('./florin.d.ts').ElementType} ElementType */
/** @typedef {import('./florin.d.ts').NextActionRequest} NextActionRequest */
/** @typedef {import('./florin.d.ts').WalletRequest} WalletRequest */
/** @typedef {{ secret?: string, body?: object, idempotencyKey?: string, retries?: number, wallet?: string }} Call */
/** @typedef {{ body: any, error?: FlorinError, again?: (planned: number) => number }} Answer */

// The server writes both when it serves this file, before it hashes it.
const PUBLIC = '__PUBLIC_URL__';
const VAULT = '__VAULT_URL__';

const PROTOCOL = 1; // of the messages between page and field
const READY_WITHIN = 20_000; // a field's page must load and say so; milliseconds, as all times below
const TOKEN_WITHIN = 30_000;
const ANSWER_WITHIN = 110_000; // a confirmation waits for the card's bank
const COUNTS_WITHIN = 100; // a field that is asked for a token tells its counts at once
const DEVICE_WITHIN = 1_500; // a payment never waits longer for its device session
const RETRY_WAITS = [500, 1_500, 3_000, 5_000];
const LONGEST_WAIT = 10_000; // a server that asks for more gets no retry from here

const TITLES = {
  en: { 'card': 'Card details', 'card-number': 'Card number', 'card-expiry': 'Expiry date', 'card-cvc': 'Security code' },
  de: { 'card': 'Kartendaten', 'card-number': 'Kartennummer', 'card-expiry': 'Ablaufdatum', 'card-cvc': 'Prüfziffer' },
  pt: { 'card': 'Dados do cartão', 'card-number': 'Número do cartão', 'card-expiry': 'Validade', 'card-cvc': 'Código de segurança' },
  es: { 'card': 'Datos de la tarjeta', 'card-number': 'Número de tarjeta', 'card-expiry': 'Caducidad', 'card-cvc': 'Código de seguridad' },
};

const CLOSE = { en: 'Close', de: 'Schließen', pt: 'Fechar', es: 'Cerrar' }; // the wallet's pay sheet

const DONE = ['authorized', 'captured', 'processing', 'in_review']; // nothing is left for the payer to do

/**
 * Florin for one merchant. Several on one page do not disturb each other.
 *
 * Business errors are answers, `{ error }`; only a mistake in the page's own code is thrown, as a TypeError.
 *
 * @param {string} publishableKey `pk_…`
 * @param {FlorinOptions} [options]
 * @returns {import('./florin.d.ts').FlorinInstance}
 */
export function Florin(publishableKey, options = {}) {
  if (!/^pk_[\w-]+$/.test(publishableKey)) {
    throw new TypeError('Florin needs a publishable key, pk_…: a secret key must never be in a page');
  }
  const call = caller(PUBLIC, publishableKey, options.locale);
  const vault = caller(VAULT, publishableKey, options.locale);
  const secrets = new Secrets();
  const device = options.device === false ? null : new Device(call);
  /** @type {Map<string, Promise<PaymentResult>>} */
  const running = new Map();

  /** @returns {Promise<PaymentResult>} */
  async function retrievePayment(clientSecret) {
    const id = paymentOf(clientSecret);
    return asPayment(await call('GET', `/v1/client/payments/${id}`, { secret: secrets.newest(clientSecret) }), clientSecret);
  }

  /**
   * A result, whose new client secret, if it carries one, is kept for the next call.
   * @param {Answer} answer
   * @param {string} clientSecret
   * @returns {PaymentResult}
   */
  function asPayment({ body, error }, clientSecret) {
    if (body?.client_secret) secrets.learn(clientSecret, body.client_secret);
    return error ? { error } : { payment: body };
  }

  /**
   * Sends the payer on if there is somewhere to go, and comes back when they do.
   * @returns {Promise<PaymentResult>}
   */
  async function follow(payment, clientSecret, redirect, returnUrl) {
    const action = payment.next_action;
    if (action?.type === 'redirect') {
      await leave(action.url);
      return outcome(await retrievePayment(clientSecret));
    }
    if (redirect === 'always' && returnUrl && DONE.includes(payment.status)) {
      const back = new URL(returnUrl);
      back.searchParams.set('payment', payment.id);
      back.searchParams.set('status', payment.status);
      await leave(back.href);
      return retrievePayment(clientSecret);
    }
    return outcome({ payment });
  }

  /** Never rejects, and never takes long. */
  async function deviceSession() {
    return (device && (await within(DEVICE_WITHIN, device.session()))) ?? null;
  }

  /** @returns {Promise<PaymentResult>} */
  async function confirm({ clientSecret, element, token, paymentMethod, savePaymentMethod, name, redirect = 'always' }, id, returnUrl) {
    const making = element && tokenOf(element, { name });
    const session = within(COUNTS_WITHIN, making).then(deviceSession); // while the token is made
    /** @type {TokenResult} */
    const made = making ? await making : { token: { id: token } };
    if (made.error) return { error: made.error };
    const answer = await call('POST', `/v1/client/payments/${id}/confirm`, {
      secret: secrets.newest(clientSecret),
      idempotencyKey: unique(),
      body: {
        payment_method_token: made.token.id,
        payment_method: paymentMethod,
        save_payment_method: savePaymentMethod,
        return_url: returnUrl,
        device_session: (await session) ?? undefined,
        browser: browser(),
      },
    });
    const result = asPayment(answer, clientSecret);
    return result.error ? result : follow(result.payment, clientSecret, redirect, returnUrl);
  }

  return Object.freeze({
    elements(defaults = {}) {
      device?.open();
      return elementsOf(publishableKey, { locale: options.locale, ...defaults }, device);
    },

    createToken: tokenOf,

    createWalletToken: (request) => walletToken(vault, request, options.locale),

    async confirmPayment(request) {
      const id = paymentOf(request.clientSecret);
      const returnUrl = request.returnUrl && httpUrl(request.returnUrl, 'returnUrl');
      if (!returnUrl && request.redirect !== 'if_required') {
        throw new TypeError("confirmPayment needs a returnUrl, or redirect: 'if_required'");
      }
      // A second click is the same payment, not a second try.
      if (!running.has(id)) {
        running.set(id, confirm(request, id, returnUrl).finally(() => running.delete(id)));
      }
      return running.get(id);
    },

    async handleNextAction(/** @type {NextActionRequest} */ { clientSecret, payment, redirect = 'if_required' }) {
      /** @type {PaymentResult} */
      const found = payment ? { payment } : await retrievePayment(clientSecret);
      if (found.error) return found;
      return follow(found.payment, clientSecret ?? found.payment.client_secret, redirect, found.payment.return_url);
    },

    retrievePayment,
    deviceSession,
  });
}

/**
 * A payment that is neither done nor waits for something here is an error to its page, also if another page of it was
 * faster: then this one's secret charged nothing.
 * @param {PaymentResult} result
 * @returns {PaymentResult}
 */
function outcome({ payment, error }) {
  if (error) return { error };
  const { id, status, next_action: action, failure: why } = payment;
  if (DONE.includes(status) || (action && action.type !== 'redirect')) return { payment };
  if (action) return { error: failure('action_required', 'The payer came back before they were done.', id) };
  return {
    error: errorOf({
      code: why?.code ?? (status === 'expired' ? 'expired' : 'state_conflict'), decline_code: why?.decline_code, payment: id,
      detail: why?.message ?? `The payment is ${status}.`, retry: why?.retry, retryable: status === 'requires_payment_method',
    }),
  };
}

/** The payment that a client secret is for. */
function paymentOf(clientSecret) {
  const id = /^(pay_[0-9a-z]+)_secret_[\w-]+$/.exec(clientSecret)?.[1];
  if (!id) throw new TypeError('clientSecret is not a client secret, pay_…_secret_…');
  return id;
}

/** Client secrets work once per step: this remembers which one came after which. */
class Secrets {
  #next = new Map();

  newest(secret) {
    while (this.#next.has(secret)) secret = this.#next.get(secret);
    return secret;
  }

  learn(used, fresh) {
    const last = this.newest(used);
    if (last === fresh) return;
    this.#next.delete(fresh); // the chain ends at what came last, so it has no loop
    this.#next.set(last, fresh);
  }
}

// The zones

/**
 * A function that calls a zone, and repeats what may be repeated.
 *
 * @param {string} zone
 * @param {string} key
 * @param {string} [locale]
 * @returns {(method: string, path: string, call: Call) => Promise<Answer>}
 */
function caller(zone, key, locale) {
  return async (method, path, { secret, body, idempotencyKey, wallet, retries = RETRY_WAITS.length }) => {
    /** @type {Record<string, string>} */
    const headers = { Authorization: `Bearer ${key}` };
    if (secret) headers['Florin-Client-Secret'] = secret;
    if (idempotencyKey) headers['Idempotency-Key'] = idempotencyKey;
    if (body) headers['Content-Type'] = 'application/json';
    if (wallet) headers['Florin-Wallet'] = wallet;
    if (locale && zone === PUBLIC) headers['Accept-Language'] = locale;
    const request = { method, headers, body: body && JSON.stringify(body) };
    for (let tries = 0; ; tries++) {
      const answer = await ask(zone, path, request);
      const wait = answer.again?.(RETRY_WAITS[tries]);
      if (tries >= retries || !(wait <= LONGEST_WAIT)) return answer;
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  };
}

/**
 * Asks once. `again` is there if the same request may be sent again: it gives how long to wait, at least what is planned.
 * @returns {Promise<Answer>}
 */
async function ask(zone, path, request) {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), ANSWER_WITHIN);
  try {
    const response = await fetch(zone + path, {
      ...request, signal: abort.signal, mode: 'cors', credentials: 'omit', cache: 'no-store', redirect: 'error', referrerPolicy: 'no-referrer',
    });
    const body = objectIn(await response.text());
    if (response.ok && (typeof body.id === 'string' || body.object === 'list')) return { body };
    const later = Number(response.headers.get('Retry-After')) * 1000 || 0;
    const passing = [429, 502, 503, 504].includes(response.status) || body.code === 'idempotency_key_in_use';
    const error = passing && !body.code ? failure('unavailable', `${zone} is not available (status ${response.status}).`) : errorOf(body);
    return { body, error, again: passing ? (planned) => Math.max(planned, later) : undefined };
  } catch {
    const error = abort.signal.aborted
      ? failure('timeout', `No answer came within ${ANSWER_WITHIN / 1000} seconds.`)
      : failure('network_error', `${zone} could not be reached. Is the network up, and is ${location.origin} registered for this key?`);
    return { body: null, error, again: (planned) => planned };
  } finally {
    clearTimeout(timer);
  }
}

/** The JSON object that an answer is; an empty one for the page of a proxy. */
function objectIn(text) {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}

/**
 * A problem (RFC 9457) as the error that a page gets.
 * @returns {FlorinError}
 */
function errorOf(/** @type {any} */ problem) {
  return {
    code: problem.code ?? 'unexpected_answer',
    decline_code: problem.decline_code ?? null,
    message: problem.detail ?? problem.title ?? 'The answer could not be read.',
    param: problem.param ?? null,
    retry: problem.retry ?? null,
    retryable: problem.retryable ?? false,
    retry_after: problem.retry_after ?? null,
    payment: problem.payment ?? null,
    request_id: problem.request_id ?? null,
  };
}

/** An error of our own, after which the same may be tried again. */
function failure(code, message, payment = null) {
  return errorOf({ code, detail: message, retry: 'later', retryable: true, payment });
}

// Wallets

/**
 * Asks the payer in their wallet, and has the vault open what it gives. What passes through here is sealed for the vault.
 * @returns {Promise<TokenResult>}
 */
async function walletToken(vault, /** @type {WalletRequest} */ { type, amount, currency, label = '' }, locale) {
  if (!Number.isSafeInteger(amount) || amount < 1) throw new TypeError('amount is not an integer of the minor unit');
  if (!/^[A-Z]{3}$/.test(currency)) throw new TypeError('currency is not an ISO 4217 code');
  const { body: list, error } = await vault('GET', '/v1/wallets', {});
  if (error) return { error };
  const wallet = list.data.find((one) => one.type === type);
  if (!wallet) return { error: failure('wallet_unavailable', `The vault opens no tokens of a wallet "${type}" for this key.`) };
  const sheet = new URL(httpUrl(wallet.url, 'the wallet'));
  const asked = { merchant: wallet.merchant, key: wallet.public_key, amount, currency, label, origin: location.origin };
  for (const [name, value] of Object.entries(asked)) sheet.searchParams.set(name, String(value));
  const given = await approval(sheet, locale);
  if (!given) return { error: failure('wallet_canceled', 'The payer canceled in their wallet.') };
  const made = await vault('POST', '/v1/tokens', { wallet: type, idempotencyKey: unique(), body: { wallet: { type, token: given } } });
  return made.error ? { error: made.error } : { token: made.body };
}

/**
 * Shows a pay sheet until the payer approves or cancels.
 * @returns {Promise<string | null>} what the wallet gives; null if it gives nothing
 */
function approval(sheet, locale) {
  const dialog = document.createElement('dialog');
  const frame = document.createElement('iframe');
  const close = document.createElement('button');
  frame.title = sheet.host;
  frame.src = sheet.href;
  close.type = 'button';
  close.textContent = CLOSE[(locale ?? navigator.language).slice(0, 2)] ?? CLOSE.en;
  Object.assign(dialog.style, { width: 'min(460px, 100vw)', maxWidth: '100vw', height: 'min(720px, 100vh)', maxHeight: '100vh', padding: '0', border: '0', borderRadius: '8px', overflow: 'hidden' });
  Object.assign(frame.style, { display: 'block', width: '100%', height: 'calc(100% - 44px)', border: '0' });
  Object.assign(close.style, { display: 'block', width: '100%', height: '44px', border: '0', font: 'inherit' });
  dialog.appendChild(frame);
  dialog.appendChild(close);
  document.body.appendChild(dialog);
  const done = new AbortController();
  const { signal } = done;
  /** @type {Promise<string | null>} */
  const answered = new Promise((resolve) => {
    window.addEventListener('message', ({ source, origin, data }) => {
      if (source === frame.contentWindow && origin === sheet.origin && data?.florinWallet) resolve(data.token ?? null);
    }, { signal });
    close.addEventListener('click', () => resolve(null), { signal });
    dialog.addEventListener('close', () => resolve(null), { signal }); // by the Escape key
  });
  dialog.showModal();
  return answered.finally(() => {
    done.abort();
    dialog.close();
    dialog.remove();
  });
}

// The card fields

/** One group of card fields: either a whole card, or number, expiry and CVC apart. */
function elementsOf(key, defaults, device) {
  const group = unique();
  /** @type {Map<ElementType, Field>} */
  const fields = new Map();
  return Object.freeze({
    create(type, options = {}) {
      if (!Object.hasOwn(TITLES.en, type)) throw new TypeError(`there is no element "${type}"`);
      if (fields.has(type)) throw new TypeError(`this group has its "${type}" already: destroy it, or call elements() again`);
      const field = new Field({ key, group, fields, device }, type, { ...defaults, ...options });
      fields.set(type, field);
      return field;
    },
    getElement: (type) => fields.get(type) ?? null,
  });
}

/**
 * Makes a token of what was typed into an element, or into the group that it belongs to.
 *
 * @param {import('./florin.d.ts').Element} element
 * @param {{ name?: string }} [data]
 * @returns {Promise<TokenResult>}
 */
async function tokenOf(element, data = {}) {
  if (!(element instanceof Field)) throw new TypeError('element is not one that elements().create() made');
  return element[TOKEN](data);
}

const TOKEN = Symbol('token');

/** A card field: a frame of the vault's origin, to which we speak by messages. */
class Field {
  /** @type {ElementType} */ type;
  #id = unique();
  #context;
  #options;
  #vault = new URL(VAULT).origin;
  #listeners = new Map(); // event to a set of functions
  #pending = new Map(); // request id to what resolves it
  #container = null;
  #frame = null;
  #mounted = null; // aborts what hangs on the mounting
  #ready = null; // a promise: true once the field is ready, false if it never will be
  #resolveReady = null;
  #sentInit = false;
  #loaded = false;
  #timer = undefined;
  #destroyed = false;

  constructor(context, type, options) {
    this.#context = context;
    this.type = type;
    this.#options = options;
  }

  /** Puts the field into an element of the page, or into the first that a selector finds. */
  mount(target) {
    const container = typeof target === 'string' ? document.querySelector(target) : target;
    if (!container?.appendChild) throw new TypeError(`there is no element ${target} to mount into`);
    if (this.#destroyed) throw new TypeError('the element was destroyed');
    this.unmount();
    this.#mounted = new AbortController();
    const { signal } = this.#mounted;
    this.#ready = new Promise((resolve) => (this.#resolveReady = resolve));
    this.#container = container;
    this.#frame = this.#makeFrame();
    window.addEventListener('message', (event) => this.#receive(event), { signal });
    this.#frame.addEventListener('load', () => this.#load(), { signal });
    const labels = container.id ? document.querySelectorAll(`label[for="${CSS.escape(container.id)}"]`) : [];
    for (const label of labels) label.addEventListener('click', () => this.focus(), { signal });
    this.#timer = setTimeout(() => this.#neverReady(), READY_WITHIN);
    container.replaceChildren(this.#frame);
    container.classList.add('florin-field');
    this.#mark({ empty: true });
    return this;
  }

  /** Takes the field out of the page, and forgets what was typed. It can be mounted again. */
  unmount() {
    if (!this.#mounted) return this;
    this.#mounted.abort();
    clearTimeout(this.#timer);
    this.#mark({});
    this.#container.classList.remove('florin-field', 'florin-focus');
    this.#frame.remove();
    this.#resolveReady(false);
    for (const answer of this.#pending.values()) {
      answer({ error: failure('element_unmounted', 'The card field was taken out of the page before it answered.') });
    }
    this.#pending.clear();
    this.#mounted = this.#frame = this.#container = this.#ready = null;
    this.#sentInit = this.#loaded = false;
    return this;
  }

  /** Takes the field out for good. Its group may get another one of its type. */
  destroy() {
    this.unmount();
    this.#destroyed = true;
    this.#listeners.clear();
    if (this.#context.fields.get(this.type) === this) this.#context.fields.delete(this.type);
  }

  update(options) {
    this.#options = { ...this.#options, ...options };
    if (this.#sentInit) this.#post('update', this.#looks(options));
    return this;
  }

  clear() { return this.#post('clear'); }
  focus() { return this.#post('focus'); }
  blur() { return this.#post('blur'); }

  on(event, listener) {
    if (typeof listener !== 'function') throw new TypeError('a listener is a function');
    if (!this.#listeners.has(event)) this.#listeners.set(event, new Set());
    this.#listeners.get(event).add(listener);
    return this;
  }

  off(event, listener) {
    if (listener) this.#listeners.get(event)?.delete(listener);
    else this.#listeners.delete(event);
    return this;
  }

  /** @returns {Promise<TokenResult>} */
  async [TOKEN](/** @type {{ name?: string }} */ { name }) {
    const speaker = this.type === 'card' ? this : this.#context.fields.get('card-number');
    if (!speaker) throw new TypeError('a token needs the card-number element of the group');
    return speaker.#token(name);
  }

  async #token(name) {
    if (!this.#ready) return { error: failure('element_not_mounted', 'The card field is not in the page.') };
    if (!(await this.#ready)) return { error: this.#unavailable() };
    const requestId = unique();
    const answered = new Promise((resolve) => this.#pending.set(requestId, resolve));
    this.#post('createToken', { requestId, name });
    const late = { error: failure('timeout', `The card field did not answer within ${TOKEN_WITHIN / 1000} seconds.`) };
    return within(TOKEN_WITHIN, answered, late).finally(() => this.#pending.delete(requestId));
  }

  #makeFrame() {
    const frame = document.createElement('iframe');
    const query = new URLSearchParams({ key: this.#context.key, origin: location.origin });
    const language = (this.#options.locale ?? navigator.language ?? 'en').slice(0, 2);
    frame.src = `${VAULT}/fields/v1/${this.type}?${query}`;
    frame.title = this.#options.title ?? (TITLES[language] ?? TITLES.en)[this.type];
    frame.allow = 'payment';
    frame.referrerPolicy = 'no-referrer';
    frame.setAttribute('scrolling', 'no');
    // No sandbox: the vault is trusted with the card, and a sandbox takes the browser's own filling-in of cards away.
    // color-scheme: another one than the field's own would give the frame an opaque ground.
    Object.assign(frame.style, { display: 'block', width: '100%', height: '1.5em', margin: '0', border: '0', colorScheme: 'normal' });
    return frame;
  }

  #looks({ style, placeholder, locale, labels, errors, disabled }) { return { style, placeholder, locale, labels, errors, disabled }; }

  /** Says to a page that just loaded what to look like, unless it was faster and knows; after a reload it knows nothing. */
  #load() {
    if (this.#loaded || !this.#sentInit) this.#init();
    this.#loaded = true;
  }

  #init() {
    this.#sentInit = true;
    this.#post('init', { ...this.#looks(this.#options), group: this.#context.group });
  }

  #post(type, content = {}) {
    this.#frame?.contentWindow?.postMessage({ ...content, florin: PROTOCOL, id: this.#id, type }, this.#vault);
    return this;
  }

  /** Takes messages of this field's own frame only: of any other window, or of another page in the frame, none. */
  #receive(event) {
    if (!event.source || event.source !== this.#frame.contentWindow || event.origin !== this.#vault) return;
    const message = event.data;
    if (message?.florin !== PROTOCOL) return;
    switch (message.type) {
      case 'ready':
        if (!this.#sentInit) this.#init(); // its script was faster than the load event
        clearTimeout(this.#timer);
        this.#resolveReady(true);
        this.#ready = Promise.resolve(true); // also after it was given up
        return this.#emit('ready', {});
      case 'change': return this.#change(message);
      case 'focus': case 'blur':
        this.#container.classList.toggle('florin-focus', message.type === 'focus');
        return this.#emit(message.type, {});
      case 'resize':
        if (message.height > 0 && message.height <= 2000) this.#frame.style.height = `${Math.ceil(message.height)}px`;
        return;
      case 'behaviour': return this.#context.device?.count(this.#id, message);
      case 'token': return this.#pending.get(message.requestId)?.({ token: message.token });
      case 'token_error': return this.#pending.get(message.requestId)?.({ error: errorOf(message.problem ?? {}) });
    }
  }

  #change({ complete, empty, brand, error, field }) {
    this.#mark({ complete, empty, invalid: error });
    this.#emit('change', {
      complete: Boolean(complete), empty: Boolean(empty), brand: brand ?? null, field: field ?? null,
      error: error ? { code: String(error.code), message: String(error.message), part: error.part ?? null } : null,
    });
  }

  /** Classes on the container, for the page's style sheet. */
  #mark(state) {
    for (const word of ['complete', 'empty', 'invalid']) this.#container.classList.toggle(`florin-${word}`, Boolean(state[word]));
  }

  #emit(event, detail) {
    for (const listener of [...(this.#listeners.get(event) ?? [])]) {
      try {
        listener({ ...detail, elementType: this.type });
      } catch (error) {
        queueMicrotask(() => { throw error; }); // the page's own mistake: its console gets it, the other listeners go on
      }
    }
  }

  #neverReady() {
    this.#resolveReady(false);
    this.#emit('loaderror', { error: this.#unavailable() });
  }

  #unavailable() {
    return failure('element_unavailable', `The card field did not load from ${this.#vault}. Is ${location.origin} registered for this key?`);
  }
}

// The device

/**
 * The device session: what this browser tells of itself, for the merchant's fraud rules. See docs/florin-js.md for what
 * it is and how to switch it off. Nothing of it may ever stop a payment.
 */
class Device {
  #call;
  #counts = new Map(); // field to its counts; each message brings the field's whole count
  #last = null; // a promise of the newest session: { id, sent }

  constructor(call) { this.#call = call; }

  count(field, { keystrokes, pastes, millis }) { this.#counts.set(field, [keystrokes, pastes, millis].map(whole)); }

  open() { return (this.#last ??= this.#send()); }

  /** The session to pay with: what was typed since it was opened makes it a new one. */
  async session() {
    const first = await this.open();
    if (first?.id && first.sent === JSON.stringify(this.#behaviour())) return first.id;
    this.#last = this.#send(first?.id).then((next) => next ?? first);
    return (await this.#last)?.id;
  }

  #behaviour() {
    const [keystrokes, pastes, millis] = [...this.#counts.values()].reduce((sum, one) => sum.map((n, i) => n + one[i]), [0, 0, 0]);
    return { keystrokes, pastes, millis };
  }

  async #send(previous) {
    try {
      const behaviour = this.#behaviour();
      const body = { ...(await signals()), page_millis: whole(performance.now()), behaviour, previous };
      const answer = await this.#call('POST', '/v1/client/device_sessions', { body, retries: 0 });
      return answer.error ? null : { id: answer.body.id, sent: JSON.stringify(behaviour) };
    } catch {
      return null; // such as a page without TLS, where the browser hashes nothing
    }
  }
}

/** A count as a whole number that the server takes; zero for what is no number. */
function whole(n) { return Math.min(Math.max(Math.floor(Number(n)) || 0, 0), 1_000_000_000); }

async function signals() {
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  const languages = [...(navigator.languages ?? [])].slice(0, 16);
  return {
    fingerprint: await fingerprint(timeZone, languages),
    time_zone: timeZone,
    utc_offset: -new Date().getTimezoneOffset(),
    languages,
    automated: navigator.webdriver === true,
  };
}

/** The same hash on each visit: versions are left out, and a screen that is turned is the same screen. */
async function fingerprint(timeZone, languages) {
  const { userAgentData: data } = /** @type {any} */ (navigator);
  const brands = data?.brands.map((one) => one.brand).filter((name) => !/not.*brand/i.test(name)).sort();
  const parts = [
    brands ?? navigator.userAgent.replace(/\d+([._]\d+)*/g, ''),
    data?.platform ?? navigator.platform,
    data?.mobile ?? null,
    languages,
    timeZone,
    [screen.width, screen.height].sort((a, b) => a - b),
    screen.colorDepth,
    navigator.hardwareConcurrency ?? null,
    navigator.maxTouchPoints ?? null,
  ];
  const hash = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(JSON.stringify(parts)));
  return hex(new Uint8Array(hash));
}

/** What EMV 3-D Secure tells the card's bank of the browser; the server adds address and headers. */
function browser() {
  return {
    language: navigator.language,
    color_depth: screen.colorDepth,
    screen_height: screen.height,
    screen_width: screen.width,
    time_zone: new Date().getTimezoneOffset(),
    java_enabled: false,
    javascript_enabled: true,
  };
}

// Small things

/** Goes to another page. It comes back only if the payer does, by the back button, to this page as it was. */
function leave(url) {
  const back = new Promise((resolve) => {
    window.addEventListener('pageshow', function returned(event) {
      if (!event.persisted) return;
      window.removeEventListener('pageshow', returned);
      resolve(undefined);
    });
  });
  location.assign(httpUrl(url, 'the address to go to'));
  return back;
}

/** An absolute address of the web, never of a script. */
function httpUrl(text, what) {
  let url;
  try {
    url = new URL(text, location.href);
  } catch { /* told below */ }
  if (url?.protocol !== 'https:' && url?.protocol !== 'http:') throw new TypeError(`${what} is not an http or https address`);
  return url.href;
}

/** What a promise gives, or something else if it takes longer. */
function within(millis, promise, otherwise = undefined) {
  let timer;
  const late = new Promise((resolve) => { timer = setTimeout(resolve, millis, otherwise); });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** 128 random bits. Not crypto.randomUUID, which a page without TLS does not have. */
function unique() { return hex(crypto.getRandomValues(new Uint8Array(16))); }

function hex(bytes) { return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(''); }
