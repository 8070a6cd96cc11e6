package routing

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// The bounds of one condition. The cost is CEL's own measure: about one for each step, and one for each ten characters looked at. It
// is estimated for the largest facts when a policy is saved, and counted again where a condition has loops.
const (
	maxCost     = 20_000
	maxNesting  = 2
	patience    = 50 * time.Millisecond // for all the conditions of one decision
	checkEvery  = 100                   // loop steps between two looks at the deadline
	maxPatterns = 1_000                 // instructions of a regular expression
)

// language is what conditions are written in: CEL without its conversions, arithmetic and lists in the making.
var language = sync.OnceValues(func() (*cel.Env, error) {
	return cel.NewEnv(
		cel.Variable("bin", cel.StringType), cel.Variable("brand", cel.StringType), cel.Variable("funding", cel.StringType),
		cel.Variable("country", cel.StringType), cel.Variable("amount", cel.IntType), cel.Variable("currency", cel.StringType),
		cel.Variable("method", cel.StringType), cel.Variable("metadata", cel.MapType(cel.StringType, cel.StringType)),
		cel.Variable("hour", cel.IntType), cel.Variable("weekday", cel.IntType),
		cel.Variable("off_session", cel.BoolType), cel.Variable("customer", cel.StringType),
		cel.ClearMacros(), cel.Macros(cel.HasMacro, cel.AllMacro, cel.ExistsMacro),
		cel.ParserExpressionSizeLimit(2000), cel.ParserRecursionLimit(50),
		cel.RegexProgramSizeLimit(maxPatterns),
		cel.ASTValidators(cel.ValidateRegexLiterals(), cel.ValidateHomogeneousAggregateLiterals(), cel.ValidateComprehensionNestingLimit(maxNesting)),
	)
})

// condition is a compiled expression. It is safe for concurrent use.
type condition struct {
	program cel.Program
	loops   bool      // it has a macro that loops: only then can it run for long
	always  bool      // it is the word true
	slips   []faultAt // words that no payment has: for who saves it
}

// faultAt is what is wrong with an expression, and where: lines and columns count from 1.
type faultAt struct {
	line, column int
	what         string
}

func (f faultAt) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", f.line, f.column, f.what)
}

// compileCondition makes a condition that cannot fail, as far as can be told before it runs. The error is a faultAt.
func compileCondition(text string) (condition, error) {
	env, err := language()
	if err != nil {
		return condition{}, err
	}
	checked, issues := env.Compile(text)
	if issues.Err() != nil {
		return condition{}, firstIssue(issues)
	}
	tree := checked.NativeRep()
	if !checked.OutputType().IsExactType(cel.BoolType) {
		return condition{}, at(tree, tree.Expr().ID(), fmt.Sprintf("must be true or false, but is of the type %s", checked.OutputType()))
	}
	s := safety{tree: tree}
	if err := s.check(tree.Expr(), nil); err != nil {
		return condition{}, err
	}
	cost, err := env.EstimateCost(checked, largest{})
	if err != nil {
		return condition{}, faultAt{1, 1, err.Error()}
	}
	if cost.Max > maxCost {
		return condition{}, faultAt{1, 1, fmt.Sprintf("costs up to %d steps, more than %d: make it shorter", cost.Max, maxCost)}
	}
	options := []cel.ProgramOption{cel.EvalOptions(cel.OptOptimize)}
	if s.loops {
		options = append(options, cel.InterruptCheckFrequency(checkEvery), cel.CostLimit(maxCost))
	}
	program, err := env.Program(checked, options...)
	if err != nil {
		return condition{}, faultAt{1, 1, err.Error()}
	}
	return condition{program, s.loops, strings.TrimSpace(text) == "true", slips(tree)}, nil
}

func firstIssue(issues *cel.Issues) error {
	all := issues.Errors()
	if len(all) == 0 {
		return faultAt{1, 1, issues.Err().Error()}
	}
	first := all[0]
	return faultAt{max(first.Location.Line(), 1), max(first.Location.Column(), 0) + 1, first.Message}
}

func at(tree *ast.AST, id int64, what string) faultAt {
	where := tree.SourceInfo().GetStartLocation(id)
	return faultAt{max(where.Line(), 1), max(where.Column(), 0) + 1, what}
}

var errNotBool = errors.New("is neither true nor false")

// holds asks the condition. ctx has the deadline; only loops look at it.
func (c condition) holds(ctx context.Context, f *facts) (bool, error) {
	if c.always {
		return true, nil
	}
	var value ref.Val
	var err error
	if c.loops {
		value, _, err = c.program.ContextEval(ctx, f)
	} else {
		value, _, err = c.program.Eval(f)
	}
	if err != nil {
		return false, err
	}
	verdict, ok := value.(types.Bool)
	if !ok {
		return false, errNotBool
	}
	return bool(verdict), nil
}
