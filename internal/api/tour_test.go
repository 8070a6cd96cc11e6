package api

import (
	"encoding/json"
	"os"
	"regexp"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// What the tour shows was recorded, so it is older than what has been added since, unless it is recorded anew.
func TestTheTourShowsAnswersAsTheyAreNow(t *testing.T) {
	text, err := os.ReadFile("../../docs/tour.md")
	if err != nil {
		t.Fatal(err)
	}
	schemas := map[string]string{
		"payment": "Payment", "refund": "Refund", "balance": "Balance", "webhook_endpoint": "WebhookEndpoint", "payment_method_token": "Token",
	}
	shown := map[string]int{}
	for _, block := range regexp.MustCompile("(?s)```json\n(.*?)\n```").FindAllSubmatch(text, -1) {
		var answer map[string]any
		if err := json.Unmarshal(block[1], &answer); err != nil {
			t.Fatalf("%v in %s", err, block[1])
		}
		object, _ := answer["object"].(string)
		schema := described(t).Components.Schemas[schemas[object]]
		if schema == nil {
			t.Errorf("no schema is known of %q", object)
			continue
		}
		shown[object]++
		if err := schema.Value.VisitJSON(answer, openapi3.MultiErrors()); err != nil {
			t.Errorf("the %s of %v: %v", object, answer["created_at"], err)
		}
	}
	for object := range schemas {
		if shown[object] < 2 { // on SQLite and on PostgreSQL
			t.Errorf("%s is shown %d times", object, shown[object])
		}
	}
}
