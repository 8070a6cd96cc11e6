package vault

import (
	"context"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"

	"github.com/florinpay/florin/internal/problem"
)

// A wallet's token is sealed for the vault, so a shop's page may hold it and send it here. A card it may not: see errForeignPage. What
// tells the two apart before anything is sent is a header.
const walletHeader = "Florin-Wallet"

// walletObject tells a page, and through it the wallet, what to seal a token for.
type walletObject struct {
	Object    string `json:"object"`
	Type      string `json:"type"`
	URL       string `json:"url"`        // of the pay sheet
	Merchant  string `json:"merchant"`   // whom the token is for
	PublicKey string `json:"public_key"` // an uncompressed point of P-256, in base64url
	KeyID     string `json:"key_id"`
}

// walletList is the answer to GET /v1/wallets.
type walletList struct {
	Object  string         `json:"object"`
	Data    []walletObject `json:"data"`
	HasMore bool           `json:"has_more"`
}

// serveWallets lists the wallets whose tokens are opened for a merchant.
func (v *Vault) serveWallets(w http.ResponseWriter, r *http.Request, auth Authenticate) {
	request := v.begin(w, r)
	if preflight(w, r, http.MethodGet, "authorization") {
		return
	}
	list, err := v.wallets(w, r, auth)
	if err != nil {
		v.refuse(w, r, request, err)
		return
	}
	v.write(w, r, request, http.StatusOK, "application/json", list)
}

func (v *Vault) wallets(w http.ResponseWriter, r *http.Request, auth Authenticate) (walletList, error) {
	list := walletList{Object: "list", Data: []walletObject{}}
	if r.Method != http.MethodGet {
		w.Header().Set("Allow", http.MethodGet)
		return list, problem.New(problem.CodeMethod, "the path takes GET only")
	}
	caller, err := v.count(w, r, auth)
	if err == nil && r.Header.Get("Origin") != "" {
		err = v.letPage(w, r)
	}
	if err != nil || v.wallet == nil || caller.Live {
		return list, err
	}
	private, err := v.walletKey(caller.Merchant)
	if err != nil {
		return list, err
	}
	public := private.PublicKey().Bytes()
	list.Data = append(list.Data, walletObject{
		Object: "wallet", Type: v.wallet.Type, URL: v.wallet.URL, Merchant: caller.Merchant,
		PublicKey: base64.RawURLEncoding.EncodeToString(public), KeyID: keyID(public),
	})
	return list, nil
}

// letPage lets the page that calls read the answer, if it is one of the merchant's or ours. It fails with fault.Forbidden.
func (v *Vault) letPage(w http.ResponseWriter, r *http.Request) error {
	given := r.Header["Origin"]
	if len(given) != 1 {
		return errForeignPage
	}
	origin, err := parseOrigin(given[0])
	if err != nil {
		return errForeignPage
	}
	sources, err := v.pagesOf(r.Context(), r.Header.Get("Authorization"))
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(sources, func(s string) bool { return covers(s, origin) }) {
		return errFrame
	}
	allowPage(w, given[0])
	w.Header().Set("Access-Control-Expose-Headers", "Request-Id, Retry-After")
	return nil
}

// pagesOf are the pages that may act by a publishable key. A secret key has none: it must not be in a page.
func (v *Vault) pagesOf(ctx context.Context, authorization string) ([]string, error) {
	key, ok := strings.CutPrefix(authorization, "Bearer ")
	if !ok || !strings.HasPrefix(key, "pk_") {
		return nil, errForeignPage
	}
	return v.frameAncestors(ctx, key)
}

func allowPage(w http.ResponseWriter, origin string) {
	w.Header().Set("Access-Control-Allow-Origin", origin)
	w.Header().Add("Vary", "Origin")
}

// preflight answers a browser that asks whether a page may send a request; false if that is not what is asked. It cannot tell whose
// page it is: the key comes with the request itself.
func preflight(w http.ResponseWriter, r *http.Request, method string, headers ...string) bool {
	origin := r.Header.Get("Origin")
	if r.Method != http.MethodOptions || origin == "" || r.Header.Get("Access-Control-Request-Method") != method {
		return false
	}
	allowPage(w, origin)
	w.Header().Set("Access-Control-Allow-Methods", method)
	w.Header().Set("Access-Control-Allow-Headers", strings.Join(headers, ", "))
	w.Header().Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
	return true
}

// bringsWallet tells whether a preflight is about a wallet's token.
func bringsWallet(r *http.Request) bool {
	for asked := range strings.SplitSeq(r.Header.Get("Access-Control-Request-Headers"), ",") {
		if strings.EqualFold(strings.TrimSpace(asked), walletHeader) {
			return true
		}
	}
	return false
}
