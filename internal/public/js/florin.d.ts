// Types of florin.js. What it does is in docs/florin-js.md.

/** Florin for one merchant. Several on one page do not disturb each other. */
export declare function Florin(publishableKey: string, options?: FlorinOptions): FlorinInstance;

export interface FlorinOptions {
  /** `false` opens no device session. Default: true. */
  device?: boolean;
  /** Language of fields and messages, BCP 47. Default: the browser's. */
  locale?: string;
}

/** A business error is an answer, `{ error }`. Only a mistake in the page's own code is thrown, as a TypeError. */
export interface FlorinInstance {
  /** One group of card fields. */
  elements(options?: ElementsOptions): Elements;

  /** Makes a token of what was typed, for the merchant's server to pay with once. */
  createToken(element: Element, data?: { name?: string }): Promise<TokenResult>;

  /**
   * Asks the payer in a device wallet, whose pay sheet is shown over the page, and makes a token of what it gives, for confirmPayment.
   * Call it in answer to a click. A payer who cancels is the error wallet_canceled.
   */
  createWalletToken(request: WalletRequest): Promise<TokenResult>;

  /**
   * Pays. If the payer must go somewhere (3-D Secure, a bank), the browser goes there. Without an error the payment is
   * authorized, captured, processing or in review, or waits for what next_action shows.
   * After a decline, call it again with the same client secret and another card.
   */
  confirmPayment(request: ConfirmRequest): Promise<PaymentResult>;

  /** Sends the payer to where the payment waits for them, if it does. */
  handleNextAction(request: NextActionRequest): Promise<PaymentResult>;

  /** The payment as it is now, whatever its status. */
  retrievePayment(clientSecret: string): Promise<PaymentResult>;

  /**
   * The device session, `ds_…`, for a payment that the merchant's server makes: `device: { session }`. Null if it is
   * switched off or could not be opened in time.
   */
  deviceSession(): Promise<string | null>;
}

export type ElementType = 'card' | 'card-number' | 'card-expiry' | 'card-cvc';

export interface Elements {
  /** Makes a field: either one `card`, or `card-number`, `card-expiry` and `card-cvc`, each once in a group. */
  create(type: ElementType, options?: ElementOptions): Element;
  getElement(type: ElementType): Element | null;
}

/** What every field of a group starts from. */
export interface ElementsOptions {
  locale?: string;
  style?: ElementStyle;
  /** A text, or `{ number, expiry, cvc }`. */
  labels?: PartTexts;
  /** `inline`: the field shows its errors itself, and grows. Else the page shows them, from `change`. */
  errors?: 'inline' | 'page';
}

export type PartTexts = string | { number?: string; expiry?: string; cvc?: string };

export interface ElementOptions extends ElementsOptions {
  placeholder?: PartTexts;
  disabled?: boolean;
  /** Title of the frame, which screen readers say. */
  title?: string;
}

/** CSS properties, or such by state. What is not on the vault's list is left out. */
export type ElementStyle = CSSProperties | { [State in ElementState]?: CSSProperties };
export type ElementState = 'base' | 'placeholder' | 'empty' | 'complete' | 'hover' | 'focus' | 'invalid' | 'brand' | 'error';
export type CSSProperties = { [property: string]: string | number };

export interface Element {
  readonly type: ElementType;
  mount(target: string | HTMLElement): this;
  /** Takes the field out of the page, and forgets what was typed. */
  unmount(): this;
  /** Takes the field out for good. */
  destroy(): void;
  update(options: ElementOptions): this;
  clear(): this;
  focus(): this;
  blur(): this;
  on<E extends keyof ElementEvents>(event: E, listener: (event: ElementEvents[E]) => void): this;
  /** Without a listener: all of that event. */
  off<E extends keyof ElementEvents>(event: E, listener?: (event: ElementEvents[E]) => void): this;
}

export interface ElementEvents {
  ready: ElementEvent;
  focus: ElementEvent;
  blur: ElementEvent;
  change: ChangeEvent;
  loaderror: LoadErrorEvent;
}

export interface ElementEvent {
  elementType: ElementType;
}

export interface ChangeEvent extends ElementEvent {
  complete: boolean;
  empty: boolean;
  /** visa, mastercard, amex …; unknown while nobody knows. */
  brand: string | null;
  field: ElementType | null;
  /** The message is for the payer, in their language. */
  error: { code: string; message: string; part: 'number' | 'expiry' | 'cvc' | null } | null;
}

export interface LoadErrorEvent extends ElementEvent {
  error: FlorinError;
}

export interface ConfirmRequest {
  /** `pay_…_secret_…`, from the merchant's server. */
  clientSecret: string;
  /** The card field. Without element and token the payment goes on with what it has. */
  element?: Element;
  /** `pm_tok_…`, in place of an element. */
  token?: string;
  /** Another method than a card, in place of an element; with the payer's bank where `GET /v1/client/banks` lists some. */
  paymentMethod?: { type: 'bank_redirect' | 'pix' | 'ideal' | 'payid' | 'fpx' | 'upi' | 'sepa_qr'; bank?: string };
  /** The payer's word, given on your page, that the card is saved for later payments, where the payment asks for that. */
  savePaymentMethod?: boolean;
  /** The card holder's name. */
  name?: string;
  /** Where the payer comes back to; on a registered origin. Needed unless redirect is `if_required`. */
  returnUrl?: string;
  /** `always` (default): go to returnUrl at the end. `if_required`: leave the page only if the payer must. */
  redirect?: Redirect;
}

/** What the payer is asked to agree to: the payment's own amount and currency, or it is refused. */
export interface WalletRequest {
  /** The sandbox's is the only one so far, in test mode. */
  type: 'sandbox';
  /** In the minor unit. */
  amount: number;
  /** ISO 4217. */
  currency: string;
  /** Whom the payer sees. */
  label?: string;
}

export type Redirect = 'always' | 'if_required';

export type NextActionRequest =
  | { clientSecret: string; payment?: Payment; redirect?: Redirect }
  | { clientSecret?: string; payment: Payment; redirect?: Redirect };

export type TokenResult = { token: Token; error?: undefined } | { token?: undefined; error: FlorinError };
export type PaymentResult = { payment: Payment; error?: undefined } | { payment?: undefined; error: FlorinError };

export interface Token {
  /** `pm_tok_…` */
  id: string;
  card?: Card;
  /** If a wallet gave it; card is then what the device has in its place. */
  wallet?: { type: string; amount: number; currency: string };
}

export interface Card {
  brand: string;
  last4: string;
  bin?: string;
  exp_month: number;
  exp_year: number;
  country?: string | null;
  funding?: string | null;
}

export type PaymentStatus =
  | 'requires_payment_method'
  | 'requires_action'
  | 'processing'
  | 'in_review'
  | 'authorized'
  | 'captured'
  | 'canceled'
  | 'expired'
  | 'failed';

/** A payment, as its payer may see it. Amounts are integers in the currency's minor unit. */
export interface Payment {
  id: string;
  object: 'payment';
  livemode: boolean;
  status: PaymentStatus;
  amount: number;
  currency: string;
  next_action: NextAction | null;
  /** Why the last try did not succeed; the message is for the payer. */
  failure: { code: string; decline_code?: string; message: string; retry?: FlorinError['retry'] } | null;
  /** Of the next step; florin.js keeps it for its own calls. */
  client_secret?: string | null;
  return_url?: string | null;
  expires_at: string | null;
  created_at: string;
  [field: string]: unknown;
}

export type NextAction =
  | { type: 'redirect'; url: string; expires_at: string }
  | { type: 'display_qr'; qr_code: string; qr_image_url?: string; copy_code?: string; deeplink?: string; expires_at?: string }
  | { type: 'await_notification'; expires_at?: string };

export interface FlorinError {
  /** For programs, such as card_declined, network_error, timeout. */
  code: string;
  /** Why a card was declined, such as insufficient_funds. */
  decline_code: string | null;
  /** For people. */
  message: string;
  /** The parameter that is wrong. */
  param: string | null;
  /** What may help. Other providers were asked before this is told, where they may be. */
  retry: 'never' | 'later' | 'fix_data' | 'with_3ds' | null;
  retryable: boolean;
  /** In seconds. */
  retry_after: number | null;
  /** `pay_…` */
  payment: string | null;
  /** `req_…`, for the merchant's support. */
  request_id: string | null;
}
