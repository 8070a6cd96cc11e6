package routing

import (
	"slices"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// safety finds what of a checked expression can fail when it runs. What it does not know it refuses, so that a new word of the language
// is not let in by itself.
type safety struct {
	tree  *ast.AST
	loops bool
}

// harmless are the functions that give an answer for every argument of their types.
var harmless = map[string]bool{
	operators.LogicalAnd: true, operators.LogicalOr: true, operators.LogicalNot: true, operators.Conditional: true,
	operators.Equals: true, operators.NotEquals: true, operators.Less: true, operators.LessEquals: true,
	operators.Greater: true, operators.GreaterEquals: true, operators.In: true, operators.NotStrictlyFalse: true,
	"startsWith": true, "endsWith": true, "contains": true, "size": true,
}

// arithmetic are the operators that can overflow, or divide by zero.
var arithmetic = map[string]string{
	operators.Divide: "a division can fail: compare with a product that you work out yourself", operators.Modulo: "a division can fail",
	operators.Multiply: "a multiplication can overflow: work the number out yourself", operators.Subtract: "a subtraction can overflow: work the number out yourself",
	operators.Negate: "a negation can overflow", operators.Add: "an addition can overflow: work the number out yourself",
}

// check walks e. present are the keys of metadata that are known to be there wherever e's value matters.
func (s *safety) check(e ast.Expr, present []string) error {
	switch e.Kind() {
	case ast.CallKind:
		return s.checkCall(e, present)
	case ast.SelectKind:
		sel := e.AsSelect()
		if key, ok := s.key(e); ok && !sel.IsTestOnly() && !slices.Contains(present, key) {
			return s.missing(e, key)
		}
		if !isMetadata(sel.Operand()) {
			return at(s.tree, e.ID(), "only metadata has parts")
		}
		return nil
	case ast.ListKind:
		return s.checkAll(e.AsList().Elements(), present)
	case ast.ComprehensionKind:
		s.loops = true
		c := e.AsComprehension()
		return s.checkAll([]ast.Expr{c.IterRange(), c.AccuInit(), c.LoopCondition(), c.LoopStep(), c.Result()}, present)
	case ast.LiteralKind, ast.IdentKind:
		return nil
	}
	return at(s.tree, e.ID(), "this kind of expression is not for conditions")
}

func (s *safety) checkAll(all []ast.Expr, present []string) error {
	for _, e := range all {
		if err := s.check(e, present); err != nil {
			return err
		}
	}
	return nil
}

// checkCall knows that a side of && only matters while the other one is true, and a side of || while the other one is false: CEL takes
// false && error for false, whichever side fails.
func (s *safety) checkCall(e ast.Expr, present []string) error {
	call := e.AsCall()
	name, args := call.FunctionName(), call.Args()
	switch {
	case name == operators.LogicalAnd && len(args) == 2:
		return s.checkSides(args, present, s.whenTrue)
	case name == operators.LogicalOr && len(args) == 2:
		return s.checkSides(args, present, s.whenFalse)
	case name == operators.Conditional:
		if err := s.check(args[0], present); err != nil {
			return err
		}
		if err := s.check(args[1], slices.Concat(present, s.whenTrue(args[0]))); err != nil {
			return err
		}
		return s.check(args[2], slices.Concat(present, s.whenFalse(args[0])))
	case name == operators.Index:
		key, ok := s.key(e)
		if !ok {
			return at(s.tree, e.ID(), "what is looked up may be missing: only metadata['key'] with a key in quotes, behind has(metadata.key) or 'key' in metadata")
		}
		if !slices.Contains(present, key) {
			return s.missing(e, key)
		}
		return nil
	case name == "matches":
		if pattern := args[len(args)-1]; pattern.Kind() != ast.LiteralKind {
			return at(s.tree, pattern.ID(), "a pattern must stand in quotes: one from elsewhere may not be valid")
		}
	case name == operators.Add && s.tree.GetType(e.ID()).IsExactType(types.StringType):
	case arithmetic[name] != "":
		return at(s.tree, e.ID(), arithmetic[name])
	case !harmless[name]:
		return at(s.tree, e.ID(), name+" can fail, so that it is not for conditions")
	}
	if call.IsMemberFunction() {
		args = append([]ast.Expr{call.Target()}, args...)
	}
	return s.checkAll(args, present)
}

func (s *safety) checkSides(sides []ast.Expr, present []string, learnt func(ast.Expr) []string) error {
	for i, side := range sides {
		if err := s.check(side, slices.Concat(present, learnt(sides[1-i]))); err != nil {
			return err
		}
	}
	return nil
}

func (s *safety) missing(e ast.Expr, key string) error {
	return at(s.tree, e.ID(), "metadata may not have "+key+": ask has(metadata."+key+") && before, or '"+key+"' in metadata")
}

// whenTrue are the keys of metadata that are there if e is true.
func (s *safety) whenTrue(e ast.Expr) []string {
	if e.Kind() == ast.SelectKind && e.AsSelect().IsTestOnly() {
		if key, ok := s.key(e); ok {
			return []string{key}
		}
		return nil
	}
	if e.Kind() != ast.CallKind {
		return nil
	}
	args := e.AsCall().Args()
	switch e.AsCall().FunctionName() {
	case operators.LogicalAnd:
		return slices.Concat(s.whenTrue(args[0]), s.whenTrue(args[1]))
	case operators.LogicalOr:
		return both(s.whenTrue(args[0]), s.whenTrue(args[1]))
	case operators.LogicalNot:
		return s.whenFalse(args[0])
	case operators.In:
		if key, ok := constant(args[0]); ok && isMetadata(args[1]) {
			return []string{key}
		}
	}
	return nil
}

// whenFalse are the keys of metadata that are there if e is false.
func (s *safety) whenFalse(e ast.Expr) []string {
	if e.Kind() != ast.CallKind {
		return nil
	}
	args := e.AsCall().Args()
	switch e.AsCall().FunctionName() {
	case operators.LogicalOr:
		return slices.Concat(s.whenFalse(args[0]), s.whenFalse(args[1]))
	case operators.LogicalAnd:
		return both(s.whenFalse(args[0]), s.whenFalse(args[1]))
	case operators.LogicalNot:
		return s.whenTrue(args[0])
	}
	return nil
}

func both(a, b []string) []string {
	return slices.DeleteFunc(a, func(key string) bool { return !slices.Contains(b, key) })
}

// key is the key of metadata that an expression reads or asks for.
func (s *safety) key(e ast.Expr) (string, bool) {
	switch e.Kind() {
	case ast.SelectKind:
		return e.AsSelect().FieldName(), isMetadata(e.AsSelect().Operand())
	case ast.CallKind:
		if call := e.AsCall(); call.FunctionName() == operators.Index && isMetadata(call.Args()[0]) {
			return constant(call.Args()[1])
		}
	}
	return "", false
}

func isMetadata(e ast.Expr) bool { return e.Kind() == ast.IdentKind && e.AsIdent() == "metadata" }

func constant(e ast.Expr) (string, bool) {
	if e.Kind() != ast.LiteralKind {
		return "", false
	}
	text, ok := e.AsLiteral().Value().(string)
	return text, ok
}

// largest tells the estimator how large the facts can be.
type largest struct{}

// The largest facts, in characters, and keys of metadata.
const (
	longestText  = 64
	longestValue = 500
	mostKeys     = 50
)

// EstimateSize bounds what comes from a payment.
func (largest) EstimateSize(n cost.AstNode) *cost.SizeEstimate {
	path := n.Path()
	if len(path) == 0 {
		return nil
	}
	size := uint64(longestText)
	if path[0] == "metadata" {
		if size = longestValue; len(path) == 1 && n.Type().Kind() == cel.MapKind {
			size = mostKeys
		}
	}
	return &cost.SizeEstimate{Min: 0, Max: size}
}

// EstimateCallCost leaves the cost of calls to CEL.
func (largest) EstimateCallCost(string, string, *cost.AstNode, []cost.AstNode) *cost.CallEstimate {
	return nil
}
