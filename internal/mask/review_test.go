package mask_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/sallyport-dev/sallyport/internal/mask"
)

// TestFirstRowOfADump: a stream that begins with a dump has no line end before its first row.
func TestFirstRowOfADump(t *testing.T) {
	const secret = "Zq7-hunter22-Xy9"
	values, _ := mask.NewValues([]mask.Value{{Rule: "v", Text: []byte(secret)}})
	rules := mask.Default().With(values)
	for _, text := range []string{xxd([]byte(secret)), "\r" + xxd([]byte(secret)), xxd([]byte(strings.Repeat("x", 4000) + secret))} {
		for _, parts := range [][][]byte{{[]byte(text)}, singles([]byte(text))} {
			_, record, _ := both(t, rules, parts...)
			if strings.Contains(string(record), "5a71 372d") || strings.Contains(string(record), "hunter") {
				t.Errorf("in %d parts:\n%s", len(parts), record)
			}
		}
	}
}

// TestTextAfterADump: what is followed in a dump does not go on in the text after it, however it is cut.
func TestTextAfterADump(t *testing.T) {
	const secret = "Zq7-hunter22-Xy9-and-so-on"
	values, _ := mask.NewValues([]mask.Value{{Rule: "v", Text: []byte(secret)}})
	text := []byte(xxd([]byte("x="+secret[:14])) + strings.Repeat("some text in between\n", 40) + xxd([]byte(secret[14:])) + "more\n")
	_, bulk, _ := both(t, mask.Default().With(values), text)
	_, single, _ := both(t, mask.Default().With(values), singles(text)...)
	if !bytes.Equal(bulk, single) || !bytes.Equal(bulk, text) {
		t.Errorf("in bulk\n%s\nbyte by byte\n%s", bulk, single)
	}
}

func TestManyCardsOnALine(t *testing.T) {
	const card = "4111 1111 1111 1111"
	text := strings.Repeat(card+" ", 5) + "\n"
	got := maskAll(text, map[string]int{})
	if want := strings.Repeat("4111 11** **** **** ", 5) + "\n"; got != want {
		t.Errorf("%q", got)
	}
}

// TestNothingIsLeftOut: the literals that take most room, with as many values as there is room for, are all masked.
func TestNothingIsLeftOut(t *testing.T) {
	var literals []mask.Literal
	for i := range 1000 {
		text := fmt.Sprintf("%04d", i) + strings.Repeat("\xff\"", 30)
		literals = append(literals, mask.Literal{Name: fmt.Sprint("l", i), Text: text})
	}
	rules, err := mask.New(mask.Config{Literals: literals})
	if err != nil {
		t.Fatal(err)
	}
	var values []mask.Value
	for i := range 10_000 {
		values = append(values, mask.Value{Rule: "v", Text: fmt.Appendf(nil, "%05d\xff\"%s", 99_999-i, fake(40))})
	}
	compiled, _ := mask.NewValues(values)
	if left := rules.LeftOut(compiled); left > 0 {
		t.Errorf("%d literals and values are not masked in all their forms", left)
	}
}

// TestManyValues: of more values than there is room for, all are masked as they stand, and who is not in all forms is named.
func TestManyValues(t *testing.T) {
	var values []mask.Value
	for i := range 10_000 {
		values = append(values, mask.Value{Rule: fmt.Sprint("secret/many/", i), Text: fmt.Appendf(nil, "value-%06d-%s", i, fake(24))})
	}
	compiled, ignored := mask.NewValues(values)
	if len(ignored) == 0 || !ignored[0].Cut {
		t.Errorf("%d are named", len(ignored))
	}
	s := mask.Default().With(compiled).NewStream()
	for i := 0; i < len(values); i += 97 {
		out := s.Write(append([]byte(" "), values[i].Text...))
		if rest := string(out.Record) + string(s.Flush().Record); strings.Contains(rest, "value-") {
			t.Fatalf("value %d is not masked: %q", i, rest)
		}
	}
}
