package provider

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
)

// Registry knows the connectors by name. It is made once, at start.
type Registry map[string]Connector

// Methods are the methods by which an account takes payments; none for one that only pays out.
func (r Registry) Methods(a Account) []Method {
	connector, ok := r[a.Provider]
	if !ok {
		return nil
	}
	has := CapabilitiesOf(connector, a)
	var all []Method
	if _, is := connector.(Authorizer); is {
		all = append(all, MethodCard)
		if has.NetworkTokens {
			all = append(all, MethodWallet)
		}
	}
	if _, is := connector.(Starter); is {
		all = append(all, slices.Sorted(maps.Keys(has.Methods))...)
	}
	return all
}

// Lookup finds what a provider can do: a T is one of the small interfaces, such as Refunder.
func Lookup[T any](r Registry, name string) (T, error) {
	var none T
	connector, ok := r[name]
	if !ok {
		return none, fmt.Errorf("provider %q is not one of %v", name, slices.Sorted(maps.Keys(r)))
	}
	capable, ok := connector.(T)
	if !ok {
		return none, fmt.Errorf("provider %q cannot do this: it has no %s", name, reflect.TypeFor[T]())
	}
	return capable, nil
}
