package mask_test

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-dev/sallyport/internal/mask"
)

func pattern(change func(*mask.Pattern)) mask.Config {
	p := mask.Pattern{Name: "customer", Literal: "CUST-", Expression: "[0-9]{8}", MaxLength: 8}
	change(&p)
	return mask.Config{Patterns: []mask.Pattern{p}}
}

func expression(text string) mask.Config {
	return pattern(func(p *mask.Pattern) { p.Expression, p.MaxLength = text, 8 })
}

func literal(name, text string) mask.Config {
	return mask.Config{Literals: []mask.Literal{{Name: name, Text: text}}}
}

func TestCheck(t *testing.T) {
	const text = "project-bluebird"
	tests := map[string]struct {
		config mask.Config
		at     string // of the error; empty for none
		says   string
	}{
		"if there is nothing, then it is in order":                    {mask.Config{}, "", ""},
		"if a detector is off, then it is in order":                   {mask.Config{Off: []string{"jwt", "jwt"}}, "", ""},
		"if a literal is plain, then it is in order":                  {literal("bluebird.shop", text), "", ""},
		"if a literal is as short as can be, then it is in order":     {literal("x", "eight-ch"), "", ""},
		"if a pattern is bounded, then it is in order":                {pattern(func(*mask.Pattern) {}), "", ""},
		"if a pattern matches more than its bound, then in order":     {expression("[a-z]+"), "", ""},
		"if a pattern has groups, then it is in order":                {expression("(a|(?P<x>bc))+(?:d)"), "", ""},
		"if a pattern has bytes by number, then it is in order":       {expression(`\xc3\xa9[\x80-\xff]`), "", ""},
		"if a pattern ignores case, then it is in order":              {expression("(?i)kiss"), "", ""},
		"if a detector is unknown, then refused":                      {mask.Config{Off: []string{"jwt", "fly"}}, "off[1]", `no detector "fly"`},
		"if a literal is short, then refused":                         {literal("x", "sevench"), "literals[0].text", "7 bytes without line ends; give from 8"},
		"if a literal has line ends for the most part, then refused":  {literal("x", "short\r\n\r\n\r\n"), "literals[0].text", "5 bytes"},
		"if a literal is a novel, then refused":                       {literal("x", strings.Repeat("x", 4097)), "literals[0].text", "4097 bytes"},
		"if a rule has no name, then refused":                         {literal("", text), "literals[0].name", "from 1"},
		"if a name is a detector's, then refused":                     {literal("jwt", text), "literals[0].name", `a detector has the name "jwt"`},
		"if a name is that of a Secret's value, then refused":         {literal("secret/db.password", text), "literals[0].name", "Sallyport's own"},
		"if a name is that of what is not echoed, then refused":       {literal("no-echo", text), "literals[0].name", "Sallyport's own"},
		"if a name is that of what was not decided, then refused":     {literal("undecided", text), "literals[0].name", "Sallyport's own"},
		"if a name is that of what was too long, then refused":        {literal("hold-limit", text), "literals[0].name", "Sallyport's own"},
		"if a name has a line end, then refused":                      {literal("a\nb", text), "literals[0].name", "lower-case"},
		"if a pattern's literal is short, then refused":               {pattern(func(p *mask.Pattern) { p.Literal = "C-" }), "patterns[0].literal", "3 to 64"},
		"if a pattern's literal is long, then refused":                {pattern(func(p *mask.Pattern) { p.Literal = strings.Repeat("C", 65) }), "patterns[0].literal", "65 bytes"},
		"if a pattern's literal is no ASCII, then refused":            {pattern(func(p *mask.Pattern) { p.Literal = "Münze-" }), "patterns[0].literal", "printable ASCII"},
		"if a pattern needs too large a machine, then refused":        {pattern(func(p *mask.Pattern) { p.Expression, p.MaxLength = "[ab]*a[ab]{20}", 100 }), "patterns[0].expression", "too large"},
		"if a pattern has no bound, then refused":                     {pattern(func(p *mask.Pattern) { p.MaxLength = 0 }), "patterns[0].maxLength", "from 1 to 1024"},
		"if a pattern has a wide bound, then refused":                 {pattern(func(p *mask.Pattern) { p.MaxLength = 1025 }), "patterns[0].maxLength", "1025"},
		"if a pattern needs more than its bound, then refused":        {expression("(a|bb){9}"), "patterns[0].expression", "needs 9 bytes"},
		"if a pattern cannot be read, then refused":                   {expression("a(b"), "patterns[0].expression", "missing closing )"},
		"if a pattern looks back, then refused":                       {expression("^a"), "patterns[0].expression", "looks around"},
		"if a pattern looks ahead deep inside, then refused":          {expression(`(a(b\b)?)`), "patterns[0].expression", "looks around"},
		"if a pattern ends at the end, then refused":                  {expression(`a$`), "patterns[0].expression", "looks around"},
		"if a pattern takes little, then refused":                     {expression("a+?b"), "patterns[0].expression", "take the ? away"},
		"if a pattern repeats little, then refused":                   {expression("a{1,3}?"), "patterns[0].expression", "take the ? away"},
		"if a pattern matches the empty string, then refused":         {expression("(a*|bc)(d?)"), "patterns[0].expression", "empty string"},
		"if a pattern repeats nothing, then refused":                  {expression("a{0}"), "patterns[0].expression", "empty string"},
		"if a pattern is nothing, then refused":                       {expression(""), "patterns[0].expression", "empty string"},
		"if a pattern is of characters and not bytes, then refused":   {expression("é"), "patterns[0].expression", `\xc3\xa9`},
		"if a pattern has no byte, then refused":                      {expression(`\x{20ac}`), "patterns[0].expression", "matches no byte"},
		"if a pattern's class has no byte, then refused":              {expression(`[\x{20ac}-\x{20af}]+`), "patterns[0].expression", "matches no byte"},
		"if a pattern repeats what has no byte, then refused":         {expression(`(\x{20ac}{5}x){100}`), "patterns[0].expression", "matches no byte"},
		"if a pattern repeats more than can be counted, then refused": {expression("a{1001}"), "patterns[0].expression", "repeat"},
		"if two rules have one name, then the second is refused": {
			mask.Config{Literals: []mask.Literal{{Name: "x", Text: text}}, Patterns: []mask.Pattern{{Name: "x", Literal: "abc", Expression: "d", MaxLength: 1}}},
			"patterns[0].name", "another rule",
		},
		"if there are too many literals, then refused":    {mask.Config{Literals: literals(1025)}, "literals[1024]", "at most 1024"},
		"if literals are too long together, then refused": {mask.Config{Literals: long(17)}, "literals[16]", "at most 65536"},
		"if there are too many patterns, then refused":    {mask.Config{Patterns: patterns(129)}, "patterns[128]", "at most 128"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			errs := tt.config.Check()
			if tt.at == "" || len(errs) == 0 {
				if len(errs) > 0 || tt.at != "" {
					t.Fatalf("got %v", errs)
				}
				return
			}
			wrong := errs[0]
			if !strings.HasPrefix(wrong.Error(), tt.at+": ") || !strings.Contains(wrong.Why, tt.says) {
				t.Errorf("got %q, want %s: … %s", wrong, tt.at, tt.says)
			}
			for _, l := range tt.config.Literals {
				if strings.Contains(wrong.Error(), l.Text) {
					t.Errorf("the literal is told: %v", wrong)
				}
			}
		})
	}
}

func TestNewSaysTheFirstOfCheck(t *testing.T) {
	_, err := mask.New(mask.Config{Off: []string{"fly"}, Literals: []mask.Literal{{Name: "x", Text: "short"}}})
	if wrong, ok := errors.AsType[*mask.ConfigError](err); !ok || wrong.Field != "off" {
		t.Errorf("got %v", err)
	}
}

func TestCheckTellsEverything(t *testing.T) {
	c := expression("a(b")
	c.Off = []string{"fly"}
	c.Literals = []mask.Literal{{Name: "x", Text: "short"}, {Name: "no-echo", Text: "short"}}
	var at []string
	for _, e := range c.Check() {
		where, _, _ := strings.Cut(e.Error(), ":")
		at = append(at, where)
	}
	want := []string{"off[0]", "literals[0].text", "literals[1].name", "literals[1].text", "patterns[0].expression"}
	if diff := cmp.Diff(want, at); diff != "" {
		t.Error(diff)
	}
}

func literals(n int) (all []mask.Literal) {
	for i := range n {
		all = append(all, mask.Literal{Name: fmt.Sprint("l", i), Text: fmt.Sprint("literal-", i)})
	}
	return all
}

func long(n int) (all []mask.Literal) {
	for i := range n {
		all = append(all, mask.Literal{Name: fmt.Sprint("l", i), Text: strings.Repeat(fmt.Sprint(i%10), 4096)})
	}
	return all
}

func patterns(n int) (all []mask.Pattern) {
	for i := range n {
		all = append(all, mask.Pattern{Name: fmt.Sprint("p", i), Literal: "abc", Expression: "d", MaxLength: 1})
	}
	return all
}

func TestDetectors(t *testing.T) {
	var names []string
	for _, d := range mask.Detectors() {
		names = append(names, d.Name)
		if d.Version < 1 || d.Finds == "" {
			t.Errorf("%+v", d)
		}
	}
	if diff := cmp.Diff(mask.Default().Names(), names); diff != "" {
		t.Error(diff)
	}
}

// Whatever an expression is, checking it ends, and one that is in order can be matched by the standard library.
func FuzzCheck(f *testing.F) {
	for _, seed := range []string{"[0-9]{8}", "(a|b)+?", `\x{20ac}`, "a{1000}", "((a{3}){3}){3}", "^$", "(?i:k)[^s]"} {
		f.Add("CUST-", seed, 8)
	}
	f.Fuzz(func(t *testing.T, public, expression string, length int) {
		c := mask.Config{Patterns: []mask.Pattern{{Name: "x", Literal: public, Expression: expression, MaxLength: length}}}
		if len(c.Check()) > 0 {
			return
		}
		if matchesEmpty(t, expression) {
			t.Errorf("%q matches the empty string", expression)
		}
	})
}

func matchesEmpty(t *testing.T, expression string) bool {
	t.Helper()
	re, err := regexp.Compile(expression) // on its own: it may end in \Q
	if err != nil {
		t.Fatalf("%q is in order, but: %v", expression, err)
	}
	return re.MatchString("")
}
