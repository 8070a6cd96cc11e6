// A merchant's page as docs/florin-js.md has it. What it shall do is in its address: key, florin (the address of florin.js),
// secret, back (the return URL), fields (card or split), redirect.
const wish = new URLSearchParams(location.search);
const { Florin } = await import(wish.get('florin'));
const florin = Florin(wish.get('key'), { locale: wish.get('locale') ?? 'en' });
const elements = florin.elements({ style: { base: { fontSize: '16px' } } });

const kinds = wish.get('fields') === 'card' ? ['card'] : ['card-number', 'card-expiry', 'card-cvc'];
const state = { ready: [], changes: [], focused: [], errors: [] };
for (const kind of kinds) {
  const box = document.createElement('div');
  box.id = kind;
  box.className = 'field';
  document.getElementById('fields').append(box);
  elements.create(kind)
    .on('ready', () => { state.ready.push(kind); })
    .on('focus', () => { state.focused.push(kind); })
    .on('change', (change) => {
      state.changes.push(change);
      if (change.brand) document.getElementById('brand').textContent = change.brand;
      document.getElementById('fault').textContent = change.error?.message ?? '';
    })
    .on('loaderror', ({ error }) => { state.errors.push(error); })
    .mount(box);
}
const element = elements.getElement(kinds[0]);

/** Shows how a call ended. */
async function show(ending) {
  const result = await ending.then((value) => value, (thrown) => ({ thrown: `${thrown.name}: ${thrown.message}` }));
  document.getElementById('result').textContent = JSON.stringify(result, null, 1);
  return result;
}

const pay = () => show((async () => florin.confirmPayment({
  clientSecret: wish.get('secret'), element, returnUrl: wish.get('back') ?? undefined, redirect: wish.get('redirect') ?? 'if_required',
}))());
document.getElementById('token').addEventListener('click', () => show(florin.createToken(element, { name: 'Ada Lovelace' })));
document.getElementById('form').addEventListener('submit', (event) => { event.preventDefault(); pay(); });

window.shop = { florin, state, pay, show };
