package db

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// statements is a migration's text, cut up.
type statements struct {
	all     []statement
	guarded []guarded
	queues  []string // tables whose rows come due, change, and are looked at by their oldest
}

// guarded is a table that is append-only: no row changes, and none is deleted before its time.
type guarded struct {
	table string
	days  int // from a row's created_at; 0: for ever
}

// statement is one SQL statement, in pieces of which every other is words: code, then a literal, an identifier in quotes
// or a comment, then code …
type statement struct {
	pieces       []string
	withoutRowid bool
}

var (
	directive  = regexp.MustCompile(`^--\s*florin:\s*(.*?)\s*$`)
	queueOf    = regexp.MustCompile(`^queue ([a-z_][a-z0-9_]*)$`)
	appendOnly = regexp.MustCompile(`^append-only ([a-z_][a-z0-9_]*)(?: for ([1-9][0-9]{0,4}) days)?$`)
	typeWord   = regexp.MustCompile(`\b(TEXT|BIGINT|BYTES)\b`)
	makesTable = regexp.MustCompile(`(?is)^\s*CREATE\s+TABLE\b`)
)

// parseStatements cuts a migration into statements and reads its directives, which are comments of their own:
//
//	-- florin: append-only TABLE
//	-- florin: queue TABLE                      its rows come due: the engine is to forget old versions of them soon
//	-- florin: append-only TABLE for 30 days    from a row's created_at, in unix microseconds; then it may be deleted
//	-- florin: without-rowid                    above a CREATE TABLE
//
// Of two about the same table the later one counts.
func parseStatements(text string) (statements, error) {
	var out statements
	var now statement
	code := 0 // where the current stretch of code began
	end := func(i int) {
		now.pieces = append(now.pieces, text[code:i])
		if strings.TrimSpace(strings.Join(now.code(), "")) != "" {
			out.all = append(out.all, now)
			now = statement{}
		} else {
			now.pieces = nil // keep a directive for the next one
		}
	}
	for i := 0; i < len(text); {
		n := quoted(text[i:])
		switch {
		case n < 0:
			return out, fmt.Errorf("a quote or comment has no end: %.40q", text[i:])
		case n > 0:
			piece := text[i : i+n]
			if err := out.direct(&now, piece); err != nil {
				return out, err
			}
			now.pieces = append(now.pieces, text[code:i], piece)
			i += n
			code = i
		case text[i] == ';':
			end(i)
			i++
			code = i
		default:
			i++
		}
	}
	end(len(text))
	return out, nil
}

// direct obeys a directive.
func (m *statements) direct(now *statement, piece string) error {
	said := directive.FindStringSubmatch(piece)
	if said == nil {
		return nil
	}
	if said[1] == "without-rowid" {
		now.withoutRowid = true
		return nil
	}
	if words := queueOf.FindStringSubmatch(said[1]); words != nil {
		m.queues = append(m.queues, words[1])
		return nil
	}
	words := appendOnly.FindStringSubmatch(said[1])
	if words == nil {
		return fmt.Errorf("unknown directive %q", piece)
	}
	g := guarded{table: words[1]}
	if words[2] != "" {
		days, err := strconv.Atoi(words[2])
		if err != nil {
			return fmt.Errorf("directive %q: %w", piece, err)
		}
		g.days = days
	}
	m.guarded = append(m.guarded, g)
	return nil
}

// quoted is the length of the literal, quoted identifier or comment that s begins with; 0 if none, -1 if it has no end.
func quoted(s string) int {
	switch {
	case s[0] == '\'' || s[0] == '"':
		end := strings.IndexByte(s[1:], s[0])
		if end < 0 {
			return -1
		}
		return end + 2 // a doubled quote reads as two literals side by side, which is as good here
	case strings.HasPrefix(s, "--"):
		end := strings.IndexByte(s, '\n')
		if end < 0 {
			return len(s)
		}
		return end
	case strings.HasPrefix(s, "/*"):
		end := strings.Index(s, "*/")
		if end < 0 {
			return -1
		}
		return end + 2
	}
	return 0
}

// code is the pieces that are code.
func (s statement) code() []string {
	var out []string
	for i := 0; i < len(s.pieces); i += 2 {
		out = append(out, s.pieces[i])
	}
	return out
}

// isTable tells whether it is a CREATE TABLE.
func (s statement) isTable() bool { return makesTable.MatchString(strings.Join(s.code(), " ")) }

// render is the statement with the engine's names for the types.
func (s statement) render(types map[string]string) string {
	var b strings.Builder
	for i, piece := range s.pieces {
		if i%2 == 0 {
			piece = typeWord.ReplaceAllStringFunc(piece, func(word string) string { return types[word] })
		}
		b.WriteString(piece)
	}
	return strings.TrimSpace(b.String())
}
