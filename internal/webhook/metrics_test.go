package webhook

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

var metricName = regexp.MustCompile(`fqName: "(florin_\w+)"`)

func TestEveryMetricIsInTheDocumentation(t *testing.T) {
	text, err := os.ReadFile("../../docs/webhooks.md")
	if err != nil {
		t.Fatal(err)
	}
	registry := prometheus.NewRegistry()
	newMetrics(registry)
	all := make(chan *prometheus.Desc)
	go func() { registry.Describe(all); close(all) }()
	told := 0
	for d := range all {
		name := metricName.FindStringSubmatch(d.String())
		if len(name) != 2 || !strings.Contains(string(text), "`"+name[1]) {
			t.Errorf("docs/webhooks.md does not tell of %s", d)
		}
		told++
	}
	if told < 7 {
		t.Errorf("only %d metrics are registered", told)
	}
}
