package routing

import (
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"

	"github.com/florinpay/florin/internal/country"
	"github.com/florinpay/florin/internal/money"
)

// A condition such as brand == 'vsia' is right, and no payment ever agrees with it. What a fact is held against must be something that it can be.

// slip is what is wrong with a word as the value of a fact; empty if nothing is. A fact that is not known is the empty text.
func slip(fact, word string) string {
	of := map[string][]string{"method": methods, "brand": brands, "funding": fundings}[fact]
	switch {
	case word == "":
		return ""
	case of != nil && !slices.Contains(of, word):
		return fmt.Sprintf("there is no %s '%s': there are %s", fact, word, strings.Join(of, ", "))
	case fact == "country" && !country.Known(word):
		return fmt.Sprintf("there is no country '%s' in ISO 3166-1", word)
	case fact == "currency":
		if _, err := money.ParseCurrency(word); err != nil {
			return fmt.Sprintf("there is no currency '%s' in ISO 4217", word)
		}
	}
	return ""
}

// slips are the words in an expression that the fact they are held against can never be: by ==, != and in.
func slips(tree *ast.AST) (found []faultAt) {
	taken := namesOfLoops(tree)
	look := func(fact, words ast.Expr) {
		if fact.Kind() != ast.IdentKind || taken[fact.AsIdent()] {
			return
		}
		all := []ast.Expr{words}
		if words.Kind() == ast.ListKind {
			all = words.AsList().Elements()
		}
		for _, one := range all {
			if word, ok := constant(one); ok {
				if what := slip(fact.AsIdent(), word); what != "" {
					found = append(found, at(tree, one.ID(), what))
				}
			}
		}
	}
	ast.PreOrderVisit(tree.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() != ast.CallKind {
			return
		}
		args := e.AsCall().Args()
		switch e.AsCall().FunctionName() {
		case operators.Equals, operators.NotEquals:
			look(args[0], args[1])
			look(args[1], args[0])
		case operators.In:
			look(args[0], args[1])
		}
	}))
	return found
}

// namesOfLoops are the names that loops of an expression give to their elements: they may hide those of facts.
func namesOfLoops(tree *ast.AST) map[string]bool {
	names := map[string]bool{}
	ast.PreOrderVisit(tree.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() == ast.ComprehensionKind {
			names[e.AsComprehension().IterVar()] = true
		}
	}))
	return names
}
