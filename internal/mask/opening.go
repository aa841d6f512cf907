package mask

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/sallyport-dev/sallyport/internal/mask/dfa"
)

// opening is one way in which the public beginning of a rule's secret is written.
type opening struct {
	rule int
	form form
}

type form uint8

const (
	plain     form = iota
	separated      // an assignment, after its separator
	closed         // after the bracket that closes an XML element's tag
	spaced         // after an option and a blank
)

// tail is what may stand between a name and its separator: "password" =, ["password"]:, \"password\":.
const tail = "[\"'`\\\\\\] \\t]{0,8}"

// expressions are how a rule opens.
func (r rule) expressions(index int) (expressions []string, openings []opening) {
	add := func(f form, format string) {
		quoted := make([]string, len(r.literals))
		for i, text := range r.literals {
			quoted[i] = regexp.QuoteMeta(text)
		}
		expression := fmt.Sprintf(format, strings.Join(quoted, "|"))
		switch {
		case r.notIn64:
			expression = `(?:[^0-9A-Za-z+/]|\\[nrt])` + expression
		case r.boundary:
			expression = `(?:[^0-9A-Za-z]|\\[nrt])` + expression // a line end in JSON is no letter
		}
		if !r.exact {
			expression = "(?i)" + expression
		}
		expressions, openings = append(expressions, expression), append(openings, opening{index, f})
	}
	switch {
	case r.opens != "":
		return []string{r.opens}, []opening{{index, plain}}
	case r.kind == kindAssignment && r.value:
		add(spaced, "(?:%s)")
	case r.kind == kindAssignment:
		add(separated, "(?:%s)"+tail+"[=:]")
		add(closed, "(?:%s)>")
	default:
		add(plain, "(?:%s)")
	}
	return expressions, openings
}

// newSearch finds the openings of all rules.
func newSearch(rules []rule) (*dfa.Search, []opening, error) {
	var expressions []string
	var openings []opening
	for i := range rules {
		e, o := rules[i].expressions(i)
		expressions, openings = append(expressions, e...), append(openings, o...)
	}
	search, err := dfa.NewSearch(expressions)
	if err != nil {
		return nil, nil, fmt.Errorf("compiling the rules: %w", err)
	}
	return search, openings, nil
}
