package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v3"
)

// config is a file of flags. The command line comes before the environment, the environment before the file.
type config map[string]any

// configFile reads a file of flags: one mapping of flag names (base-port or base_port) to values. JSON is YAML, so one reader
// reads both; it refuses a key that stands twice.
func configFile(r io.Reader) (kong.Resolver, error) {
	var read map[string]any
	decoder := yaml.NewDecoder(r)
	if err := decoder.Decode(&read); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	if err := decoder.Decode(new(any)); !errors.Is(err, io.EOF) {
		return nil, errors.New("read the configuration: more than one document")
	}
	c := make(config, len(read))
	for key, value := range read {
		name := strings.ReplaceAll(key, "_", "-")
		if _, twice := c[name]; twice {
			return nil, fmt.Errorf("read the configuration: %s stands twice", name)
		}
		flat, err := flagValue(value)
		if err != nil {
			return nil, fmt.Errorf("read the configuration: %s: %w", key, err)
		}
		c[name] = flat
	}
	return c, nil
}

// flagValue is a value as the flag would have it on the command line.
func flagValue(value any) (any, error) {
	switch v := value.(type) {
	case nil:
		return nil, errors.New("has no value")
	case bool:
		return v, nil
	case string, int, int64, uint64, float64:
		return fmt.Sprint(v), nil
	case []any:
		parts := make([]string, len(v))
		for i, part := range v {
			flat, err := flagValue(part)
			if err != nil {
				return nil, err
			}
			parts[i] = fmt.Sprint(flat)
		}
		return strings.Join(parts, ","), nil
	}
	return nil, errors.New("is neither a value nor a list of values")
}

// Validate refuses a key that no command has: it is a mistake, and to ignore it is to run with something else than was asked for.
func (c config) Validate(app *kong.Application) error {
	known := map[string]bool{}
	var walk func(*kong.Node)
	walk = func(n *kong.Node) {
		for _, flag := range n.Flags {
			known[flag.Name] = true
		}
		for _, child := range n.Children {
			walk(child)
		}
	}
	walk(app.Node)
	delete(known, "help")
	delete(known, "config")
	for _, name := range slices.Sorted(maps.Keys(c)) {
		if !known[name] {
			return fmt.Errorf("the configuration file sets %s, which is not a flag of any command", name)
		}
	}
	return nil
}

// Resolve gives a flag its value, unless the environment has one.
func (c config) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	for _, name := range flag.Envs {
		if _, set := os.LookupEnv(name); set {
			return nil, nil
		}
	}
	return c[flag.Name], nil
}
