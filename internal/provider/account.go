package provider

import (
	"fmt"
	"maps"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
)

var accountID = regexp.MustCompile(`^[a-z0-9_-]{1,40}$`)

// Bounds of what an account may hold.
const (
	maxEntries = 50
	maxName    = 64
	maxValue   = 4096
)

// valid checks what can be told without the connector. It fails with fault.Invalid and every fault.
func (a Account) valid() error {
	var wrong fault.Collect
	if _, _, ok := id.SplitTenant(a.Merchant); !ok {
		wrong.Add("merchant", fault.CodeInvalid, "must be a merchant in one mode")
	}
	if !accountID.MatchString(a.ID) {
		wrong.Add("id", fault.CodeInvalid, "must be 1 to 40 of a to z, 0 to 9, _ and -")
	}
	if a.Provider == "" {
		wrong.Add("provider", fault.CodeInvalid, "must name a connector")
	}
	if len(a.Settings)+len(a.Credentials) > maxEntries {
		wrong.Add("settings", fault.CodeInvalid, fmt.Sprintf("must be, with the credentials, at most %d", maxEntries))
	}
	for name, value := range a.Settings {
		checkEntry(&wrong, "settings", name, value)
	}
	for name, value := range a.Credentials {
		checkEntry(&wrong, "credentials", name, value.Reveal())
	}
	if base, ok := a.Settings["base_url"]; ok && !safeURL(base) {
		wrong.Add("settings.base_url", fault.CodeInvalid, "must be an https URL without query, fragment or user; http only to this machine")
	}
	return wrong.Err()
}

func checkEntry(wrong *fault.Collect, where, name, value string) {
	if name == "" || len(name) > maxName {
		wrong.Add(where, fault.CodeInvalid, fmt.Sprintf("names must be of 1 to %d characters", maxName))
		return
	}
	if len(value) > maxValue || slices.ContainsFunc([]byte(value), func(b byte) bool { return b < ' ' || b == 0x7f }) {
		wrong.Add(where+"."+name, fault.CodeInvalid, fmt.Sprintf("must be at most %d characters, none of them a control character", maxValue))
	}
}

// safeURL: https anywhere, http only where nobody can listen.
func safeURL(s string) bool {
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" && loopback(u.Hostname())
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// CheckAccount tells whether an account can work: its connector is known, has all it needs, and agrees. It fails with
// fault.Invalid and every fault. Settings that the connector does not require are its own to check.
func CheckAccount(r Registry, a Account) error {
	var wrong fault.Collect
	connector, ok := r[a.Provider]
	if !ok {
		return fault.Wrong("provider", fault.CodeInvalid, "is not a connector of this Florin")
	}
	if err := a.valid(); err != nil {
		return err
	}
	needs := CapabilitiesOf(connector, a)
	for _, name := range needs.Settings {
		if a.Settings[name] == "" {
			wrong.Add("settings."+name, fault.CodeInvalid, "is required")
		}
	}
	for _, name := range needs.Secrets {
		if a.Credentials[name].Empty() {
			wrong.Add("credentials."+name, fault.CodeInvalid, "is required")
		}
	}
	for name := range a.Credentials {
		if !slices.Contains(needs.Secrets, name) {
			wrong.Add("credentials."+name, fault.CodeInvalid, "is not a credential of this connector")
		}
	}
	if err := wrong.Err(); err != nil {
		return err
	}
	if checker, ok := connector.(AccountChecker); ok {
		return checker.CheckAccount(a)
	}
	return nil
}

// Origins are where an account's requests go, as scheme://host[:port]: what the vault must allow for it.
func Origins(c Connector, a Account) ([]string, error) {
	base, ok := a.Settings["base_url"]
	if !ok || base == "" {
		return CapabilitiesOf(c, a).DefaultOrigins, nil
	}
	u, err := url.Parse(base)
	if err != nil || !safeURL(base) {
		return nil, fault.Wrong("settings.base_url", fault.CodeInvalid, "is not an https URL")
	}
	return []string{u.Scheme + "://" + u.Host}, nil
}

// Changes is how the account differs from what it was, for the audit trail: settings and priority as they are now, of credentials the names
// alone. All of it is new if it was none.
func (a Account) Changes(was Account) map[string]string {
	told := map[string]string{}
	if was.Version == 0 {
		told["provider"] = a.Provider
	}
	if a.Priority != was.Priority {
		told["priority"] = strconv.FormatInt(a.Priority, 10)
	}
	for _, name := range names(a.Settings, was.Settings) {
		if a.Settings[name] != was.Settings[name] {
			told["settings."+name] = a.Settings[name]
		}
	}
	var replaced []string
	for _, name := range names(a.Credentials, was.Credentials) {
		if a.Credentials[name].Reveal() != was.Credentials[name].Reveal() {
			replaced = append(replaced, name)
		}
	}
	if len(replaced) > 0 {
		told["credentials"] = strings.Join(replaced, " ")
	}
	return told
}

// names are those that any of two maps has, in order.
func names[V any](one, other map[string]V) []string {
	all := maps.Clone(one)
	if all == nil {
		all = map[string]V{}
	}
	maps.Copy(all, other)
	return slices.Sorted(maps.Keys(all))
}
