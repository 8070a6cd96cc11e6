// The checkout page: a choice of methods, three card fields of the vault, a button, and what became of it. The page works from what the server
// wrote into it; it holds no text and no address of its own.
import { Florin } from '__FLORIN_JS__';

const LOOK_EVERY = [1000, 1500, 2000, 3000, 5000, 10_000]; // while the bank has not answered; the last one from then on
const ANSWER_WITHIN = 110_000;

const form = document.getElementById('pay');
if (form) checkout(form);
const waiting = document.getElementById('watch');
if (waiting) watch(waiting.dataset);
const copying = document.getElementById('copy-button');
if (copying && navigator.clipboard) offerCopy(copying);

function checkout(form) {
  const said = form.dataset;
  const part = (id) => document.getElementById(id);
  const button = part('button');
  const wallet = part('wallet');
  const florin = Florin(said.key, { locale: said.locale });
  const elements = florin.elements({ locale: said.locale, style: look() });
  const names = part('card') ? ['number', 'expiry', 'cvc'] : [];
  const unfinished = new Set(names);
  const fields = Object.fromEntries(names.map((name) => {
    const field = elements.create(`card-${name}`, { title: part(name).previousElementSibling.textContent });
    field.on('change', ({ error, complete }) => {
      part(`${name}-fault`).textContent = error?.message ?? '';
      unfinished.delete(name);
      if (!complete) unfinished.add(name);
    });
    field.on('loaderror', () => tell(said.fieldsFailed));
    return [name, field.mount(part(name))];
  }));
  const dark = matchMedia('(prefers-color-scheme: dark)');
  dark.addEventListener('change', () => { for (const field of Object.values(fields)) field.update({ style: look() }); });

  const way = () => form.querySelector('[name="way"]:checked, [name="way"][type="hidden"]');
  form.addEventListener('change', ({ target }) => { if (target.name === 'way') chosen(); });
  chosen();

  /** Shows what the chosen method needs: the fields of a card, or a list of banks. */
  async function chosen() {
    const { value, dataset } = way();
    const isCard = value === 'card';
    if (part('card')) part('card').hidden = !isCard;
    part('lock').hidden = !isCard;
    tell('');
    const choice = part('bank-choice');
    if (!choice) return;
    choice.hidden = true;
    const select = part('bank');
    if (select.dataset.of !== value) select.replaceChildren(select.options[0]);
    if (!('banks' in dataset)) return;
    if (select.dataset.of !== value && !(await listBanks(select, value))) return; // it is chosen at the provider's
    choice.hidden = way().value !== value; // another may be chosen by now
  }

  async function listBanks(select, method) {
    const list = await ask(`${said.path}/banks?method=${method}`).then((answer) => answer.ok && answer.json()).catch(() => null);
    if (!list?.data?.length || way().value !== method) return false;
    const banks = list.data.map(({ id, name, available }) => Object.assign(new Option(name, id), { disabled: !available }));
    select.replaceChildren(select.options[0], ...banks);
    select.dataset.of = method;
    return true;
  }

  let paying = false;
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    attempt(byForm);
  });
  wallet?.addEventListener('click', () => attempt(byWallet));

  async function attempt(pay) {
    if (paying) return;
    busy(true);
    tell(said.asking);
    part('declined').hidden = true;
    try {
      await pay();
    } catch {
      tell(said.notSent);
    }
    busy(false);
  }

  /** Pays as the payer chose: by a card, or by a method that needs no more than its name and perhaps a bank. */
  async function byForm() {
    const { value } = way();
    if (value !== 'card') return charge({ payment_method: { type: value, bank: bank(value) } }, said.going);
    const made = await florin.createToken(fields.number, { name: part('name').value.trim() || undefined });
    return made.error ? refused(made.error) : charge({ payment_method_token: made.token.id, save: part('save')?.checked || undefined }, said.leaving);
  }

  async function byWallet() {
    const { type, amount, currency, label } = wallet.dataset;
    const made = await florin.createWalletToken({ type, amount: Number(amount), currency, label });
    if (made.error) return tell(made.error.code === 'wallet_canceled' ? '' : made.error.message);
    return charge({ payment_method_token: made.token.id }, said.leaving);
  }

  /** leaving is what the payer is told if they must go to their bank. */
  async function charge(choice, leaving) {
    const answer = await ask(`${said.path}/confirm`, {
      method: 'POST', headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ step: said.step, ...choice, device_session: (await florin.deviceSession()) ?? undefined, browser: browser() }),
    });
    if (answer.status === 429) return tell(said.tryLater);
    const outcome = await answer.json();
    switch (outcome.outcome) {
      case 'declined': return declined(outcome);
      case 'leave':
        tell(leaving);
        location.assign(outcome.url);
        return new Promise(() => {}); // the button stays as it is until the page is left
      case 'changed':
        location.reload();
        return new Promise(() => {});
    }
    tell(said.notSent);
  }

  /** The bank that was chosen for a method; none if it is chosen at the provider's. */
  function bank(method) {
    const select = part('bank');
    return (select?.dataset.of === method && select.value) || undefined;
  }

  /** The card could not be taken. Its fields say what is wrong with it; what they do not say is told here. */
  function refused(error) {
    const [first] = Object.keys(fields).filter((name) => unfinished.has(name));
    tell(error.code === 'rate_limited' ? said.tryLater : first ? said.incomplete : error.message);
    if (first) fields[first].focus();
  }

  /** Nothing that was typed is lost: the payer mends it, or writes another card over it. */
  function declined({ step, what, next }) {
    said.step = step;
    part('what').firstElementChild.textContent = what;
    part('next').textContent = next;
    part('declined').hidden = false;
    part('declined').focus();
    tell('');
  }

  function tell(text) { part('status').textContent = text; }

  // Not disabled: a button that is loses the keyboard's place.
  function busy(is) {
    paying = is;
    for (const one of [button, wallet]) one?.setAttribute('aria-disabled', String(is));
  }

  // Back by the browser's button to a page as it was: the payment may be elsewhere by now.
  addEventListener('pageshow', (event) => { if (event.persisted) location.reload(); });
}

/** The text under a code can be selected and copied by hand; where the browser can do it, a button does. */
function offerCopy(button) {
  button.hidden = false;
  button.addEventListener('click', async () => {
    const text = document.getElementById('copy');
    try {
      await navigator.clipboard.writeText(text.value);
      button.textContent = button.dataset.done;
    } catch {
      text.select();
    }
  });
}

/** Loads the page again once the payment stands differently. */
async function watch({ path, state }) {
  for (let i = 0; ; i++) {
    await new Promise((resolve) => { setTimeout(resolve, LOOK_EVERY[Math.min(i, LOOK_EVERY.length - 1)]); });
    if (document.hidden) continue;
    const now = await ask(`${path}/state`).then((answer) => answer.ok && answer.json()).catch(() => null);
    if (now && now.state !== state) return location.reload();
  }
}

function ask(path, options = {}) {
  return fetch(path, { ...options, cache: 'no-store', credentials: 'same-origin', redirect: 'error', signal: AbortSignal.timeout(ANSWER_WITHIN) });
}

/** The looks of the fields, from the page around them. */
function look() {
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  return {
    base: { color: color('--text'), fontSize: '16px', lineHeight: '24px' },
    placeholder: { color: color('--muted') },
    invalid: { color: color('--bad') },
  };
}

/** What the card's bank is told of this browser, for 3-D Secure. */
function browser() {
  return {
    language: navigator.language, color_depth: screen.colorDepth, screen_height: screen.height, screen_width: screen.width,
    time_zone: new Date().getTimezoneOffset(), java_enabled: false, javascript_enabled: true,
  };
}
