// A shop's page in TypeScript: it must compile, and what is wrong in it must not.
import { Florin } from '../florin.js';
import type { ChangeEvent, Element, FlorinError, Payment, TokenResult } from '../florin.js';

const florin = Florin('pk_test_dev', { locale: 'de', device: false });
const elements = florin.elements({ style: { base: { color: '#1b1d21', fontSize: '16px' }, focus: { color: 'black' } }, errors: 'inline' });
const card: Element = elements.create('card', { placeholder: { number: '4242 4242 4242 4242' } }).mount('#card');

card
  .on('ready', ({ elementType }) => console.log(elementType))
  .on('change', (event: ChangeEvent) => {
    const hint: string = event.error?.message ?? event.brand ?? '';
    console.log(hint, event.complete);
  })
  .on('loaderror', ({ error }) => console.log(error.code));

async function pay(clientSecret: string): Promise<string> {
  const { payment, error } = await florin.confirmPayment({ clientSecret, element: card, returnUrl: 'https://shop.example/done' });
  if (error) {
    const refusal: FlorinError = error;
    return refusal.retry === 'later' ? refusal.message : refusal.decline_code ?? refusal.code;
  }
  const paid: Payment = payment;
  if (paid.next_action?.type === 'display_qr') return paid.next_action.qr_code;
  return paid.status;
}

async function token(): Promise<string> {
  const made: TokenResult = await florin.createToken(card, { name: 'Ada Lovelace' });
  return made.token ? made.token.id : made.error.message;
}

async function wallet(clientSecret: string): Promise<string> {
  const { token, error } = await florin.createWalletToken({ type: 'sandbox', amount: 9232, currency: 'EUR', label: 'Shop' });
  if (error) return error.code;
  const { payment } = await florin.confirmPayment({ clientSecret, token: token.id, redirect: 'if_required' });
  return payment?.status ?? token.wallet?.currency ?? '';
}

async function resume(clientSecret: string): Promise<void> {
  await florin.handleNextAction({ clientSecret, redirect: 'always' });
  const found = await florin.retrievePayment(clientSecret);
  if (found.payment) await florin.handleNextAction({ payment: found.payment });
}

// @ts-expect-error: there is no such element
elements.create('iban');
// @ts-expect-error: a client secret is needed
florin.confirmPayment({ element: card });
// @ts-expect-error: there is no such redirect
florin.confirmPayment({ clientSecret: '', redirect: 'never' });
// @ts-expect-error: there is no such event
card.on('keydown', () => {});
// @ts-expect-error: a change has no number
card.on('change', (event) => event.number);
// @ts-expect-error: a result is a payment or an error, and must be asked which
florin.retrievePayment('').then((result) => result.payment.id);
// @ts-expect-error: a next action is of a payment
florin.handleNextAction({});

// @ts-expect-error: there is no such state
elements.create('card', { style: { blink: { color: 'red' } } });

const session: Promise<string | null> = florin.deviceSession();

export { pay, resume, session, token };
