package client

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestWhatAnEndpointLosesIsSaidByNull(t *testing.T) {
	some := &ClientCertificateRequest{Certificate: "chain", PrivateKey: "key"}
	eight := int64(8)
	for _, c := range []struct {
		change UpdateWebhookEndpoint
		want   string
	}{
		{UpdateWebhookEndpoint{}, `{}`},
		{UpdateWebhookEndpoint{Concurrency: &eight, ClientCertificate: some}, `{"client_certificate":{"certificate":"chain","private_key":"key"},"concurrency":8}`},
		{UpdateWebhookEndpoint{Headers: map[string]string{}}, `{"headers":{}}`},
		{UpdateWebhookEndpoint{RemoveClientCertificate: true, Headers: map[string]string{"X-Shop": "north"}}, `{"client_certificate":null,"headers":{"X-Shop":"north"}}`},
	} {
		text, err := json.Marshal(c.change)
		if err != nil {
			t.Fatal(err)
		}
		var sorted map[string]json.RawMessage
		if err := json.Unmarshal(text, &sorted); err != nil {
			t.Fatal(err)
		}
		if text, err = json.Marshal(sorted); err != nil || string(text) != c.want {
			t.Errorf("wrote %s, %v; want %s", text, err, c.want)
		}
	}
	if _, err := json.Marshal(UpdateWebhookEndpoint{RemoveClientCertificate: true, ClientCertificate: some}); err == nil {
		t.Error("a certificate is set and removed at once")
	}
}

func TestSecretsOfEndpointsDoNotPrint(t *testing.T) {
	const hidden = "whsec_aGlkZGVu"
	own := ClientCertificateRequest{PrivateKey: hidden}
	for _, v := range []any{
		WebhookEndpoint{Secret: hidden}, CreateWebhookEndpoint{Secret: hidden, Headers: map[string]string{"Authorization": hidden}},
		UpdateWebhookEndpoint{Headers: map[string]string{"Authorization": hidden}, ClientCertificate: &own}, RotateWebhookSecret{Secret: hidden}, own,
	} {
		var log strings.Builder
		slog.New(slog.NewJSONHandler(&log, nil)).Info("made", "what", v)
		for _, text := range []string{fmt.Sprint(v), fmt.Sprintf("%+v %#v %q", v, v, v), log.String()} {
			if strings.Contains(text, "aGlkZGVu") {
				t.Errorf("%T prints %s", v, text)
			}
		}
	}
}
