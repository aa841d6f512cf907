package echo

import (
	"bytes"
	"strings"
	"testing"
)

// step is what was typed, or what was printed.
type step struct {
	typed, printed string
}

func types(s string) step  { return step{typed: s} }
func prints(s string) step { return step{printed: s} }

// echoed types a text and prints each byte as it comes.
func echoed(s string) []step {
	var steps []step
	for i := range len(s) {
		steps = append(steps, types(s[i:i+1]), prints(s[i:i+1]))
	}
	return steps
}

func all(parts ...any) []step {
	var steps []step
	for _, p := range parts {
		switch p := p.(type) {
		case step:
			steps = append(steps, p)
		case []step:
			steps = append(steps, p...)
		}
	}
	return steps
}

// recorded is what a record holds after the steps.
func recorded(tb testing.TB, steps []step) string {
	tb.Helper()
	var j Judge
	var got []byte
	take := func(pieces []Piece) {
		for _, p := range pieces {
			if len(p.Bytes) == 0 {
				tb.Error("an empty piece")
			}
			if p.Hidden {
				got = append(got, bytes.Repeat([]byte{'*'}, len(p.Bytes))...)
			} else {
				got = append(got, p.Bytes...)
			}
		}
		if waiting := len(j.buf) - j.done; waiting > MaxPending {
			tb.Errorf("%d bytes wait", waiting)
		}
	}
	for _, s := range steps {
		if s.typed != "" {
			take(j.Typed([]byte(s.typed)))
		}
		if s.printed != "" {
			take(j.Printed([]byte(s.printed)))
		}
	}
	take(j.End())
	return string(got)
}

func TestTranscripts(t *testing.T) {
	const prompt = "\x1b[?2004h$ "
	for name, tc := range map[string]struct {
		steps []step
		want  string
	}{
		"if a shell echoes a command, then it is clear": {
			all(prints(prompt), echoed("ls -la"), types("\r"), prints("\r\n\x1b[?2004ltotal 0\r\n"+prompt)), "ls -la\r",
		},
		"if the echo of a command comes in pieces, late, then it is clear": {
			all(types("ls -la\r"), prints("l"), prints("s -"), prints("la\r\n"), prints("total 0\r\n")), "ls -la\r",
		},
		"if the echo is coloured, then it is clear": {
			all(types("l"), prints("\x1b[1;32ml\x1b[0m"), types("s"), prints("\x1b[1;32ms\x1b[0m\x1b]0;ls\x07"), types("\r"), prints("\r\n")), "ls\r",
		},
		"if read -s reads, then it is hidden": {
			all(echoed("read -s X"), types("\r"), prints("\r\n"), types("hunter2"), types("\r"), prints(prompt), echoed("echo done"), types("\r"), prints("\r\ndone\r\n")),
			"read -s X\r*******\recho done\r",
		},
		"if sudo asks, then it is hidden": {
			all(echoed("sudo id"), types("\r"), prints("\r\n[sudo] password for dev: "), types("hunter2\r"), prints("\r\n"), prints("uid=0(root)\r\n")),
			"sudo id\r*******\r",
		},
		"if sudo shows stars, then it is hidden": {
			all(prints("password: "), types("h"), prints("*"), types("un"), prints("**"), types("\r"), prints("\r\n")), "***\r",
		},
		"if ssh asks twice, then both are hidden": {
			all(prints("dev@db's password: "), types("first\r"), prints("\r\nPermission denied, please try again.\r\ndev@db's password: "),
				types("second\r"), prints("\r\nWelcome\r\n")), "*****\r******\r",
		},
		"if mysql -p asks and its shell follows, then only the password is hidden": {
			all(echoed("mysql -p"), types("\r"), prints("\r\nEnter password: "), types("hunter2\r"), prints("\r\nWelcome to the MySQL monitor.\r\nmysql> "),
				echoed("show tables;"), types("\r"), prints("\r\nEmpty set\r\n")), "mysql -p\r*******\rshow tables;\r",
		},
		"if a password is what comes next in the line after it, then it is hidden": {
			all(prints("password: "), types("Welcome\r"), prints("\r\n"), prints("Welcome\r\n")), "*******\r",
		},
		"if a password is given up by Ctrl-C, then it is hidden": {
			all(prints("password: "), types("hunt"), types("\x03"), prints("^C\r\n"+prompt), echoed("id"), types("\r"), prints("\r\n")), "****\x03id\r",
		},
		"if nothing is printed after a password, then it is hidden": {all(types("hunter2\r")), "*******\r"},
		"if a password is typed ahead, then it is hidden": {
			all(types("sudo id\rhunter2\r"), prints("sudo id\r\n[sudo] password for dev: \r\nuid=0\r\n")), "sudo id\r*******\r",
		},
		"if commands are typed ahead and echoed at once, then they are clear": {
			all(types("ls\rpwd\r\rid\r"), prints("ls\r\npwd\r\n\r\nid\r\nfile\r\n")), "ls\rpwd\r\rid\r",
		},
		"if a command is typed while another prints, then it is hidden": {
			all(types("l"), prints("output\r\n"), types("s\r"), prints("ls\r\n")), "**\r",
		},
		"if lines are pasted and shown as such, then they are clear": {
			all(types("\x1b[200~ls\npwd\x1b[201~"), prints("\x1b[7mls\r\npwd\x1b[27m"), types("\r"), prints("\r\n")), "\x1b[200~ls\npwd\x1b[201~\r",
		},
		"if a secret is pasted at a prompt, then its markers are clear and it is hidden": {
			all(prints("password: "), types("\x1b[200~hunter2\x1b[201~\r"), prints("\r\n")), "\x1b[200~*******\x1b[201~\r",
		},
		"if a character is taken back in a shell, then all is clear": {
			all(echoed("lx"), types("\x7f"), prints("\b\x1b[K"), echoed("s"), types("\r"), prints("\r\n")), "lx\x7fs\r",
		},
		"if one is taken back in a line that the kernel edits, then all is clear": {
			all(types("lx\x7fs\r"), prints("lx\b \bs\r\n")), "lx\x7fs\r",
		},
		"if an editor prints again what it has printed, then it is clear": {
			all(types("l"), prints("l"), types("s"), prints("\bls"), types("\r"), prints("\r\n")), "ls\r",
		},
		"if a long line is wrapped, then it is clear": {
			all(types("echo a"), prints("echo a"), types("b"), prints("b \r"), types("c"), prints("c"), types("\r"), prints("\r\n")), "echo abc\r",
		},
		"if one character is put into a line, then it is clear": {
			all(echoed("ac"), types("\x1b[D"), prints("\b"), types("b"), prints("bc\b"), types("\r"), prints("\r\n")), "ac\x1b[Db\r",
		},
		"if two are, then they are hidden, since what follows them is printed between": {
			all(echoed("ad"), types("\x1b[D"), prints("\b"), types("b"), prints("bd\b"), types("c"), prints("cd\b"), types("\r"), prints("\r\n")), "ad\x1b[D**\r",
		},
		"if a completion is printed, then what was typed before and after it is clear": {
			all(echoed("ca"), types("\t"), prints("t "), echoed("x"), types("\r"), prints("\r\n")), "ca\tx\r",
		},
		"if a character has several bytes, then it is one run with the others": {
			all(types("gr\xc3"), prints("gr\xc3"), types("\xbc\xc3\x9fe"), prints("\xbc\xc3\x9fe"), types("\r"), prints("\r\n")), "grüße\r",
		},
		"if vim is told to do something, then what it does not show is hidden": {
			all(types("i"), prints("\x1b[24;1H-- INSERT --\x1b[1;1H"), types("\x1b"), prints("\x1b[24;1H\x1b[K"), types(":wq\r"), prints(":wq\r\"f\" written\r\n")), "*\x1b:wq\r",
		},
		"if Alt and a letter is pressed, then it is no sequence": {all(types("\x1bb"), prints("\b\b\b")), "\x1b*"},
		"if keys that are no text are pressed, then they are clear": {
			all(types("\x1b[A\x1b[1;5C\x1bOP\x1b[15~\x1b[<35;120;40M\x1b[24;80R\x1b[I\x01\x1b")), "\x1b[A\x1b[1;5C\x1bOP\x1b[15~\x1b[<35;120;40M\x1b[24;80R\x1b[I\x01\x1b",
		},
		"if a keyboard sends text as sequences, then they are hidden": {
			all(types("\x1b[115;1u\x1b[27;5;105~\x1b[83;31;115;1;0;1_")), strings.Repeat("*", 9+11+17),
		},
		"if a sequence is none, then it is hidden":              {all(types("\x1b[1234\r")), "******\r"},
		"if a string begins as a sequence does, it is a run":    {all(types("\x1b]secret\x07"), prints("\r\n")), "\x1b*******\x07"},
		"if an answer of the terminal comes in pieces, so":      {all(types("\x1b"), types("[24;"), prints("x"), types("80R")), "\x1b[24;80R"},
		"if a string in the output holds it, then it is hidden": {all(types("ab\r"), prints("\x1b]0;ab\x1b\\\r\nother")), "**\r"},
		"if a sequence in the output holds it, so":              {all(types("12\r"), prints("\x1b[12m\r\n")), "**\r"},
		"if more waits than may, then it is hidden, and its rest": {
			all(types(strings.Repeat("x", MaxPending+10)), prints(strings.Repeat("x", MaxPending+20)), types("yy\r"), echoed("id"), types("\r")),
			strings.Repeat("*", MaxPending+12) + "\rid\r",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := recorded(t, tc.steps); got != tc.want {
				t.Errorf("recorded %q, want %q", got, tc.want)
			}
			if got := recorded(t, bytewise(tc.steps)); got != tc.want {
				t.Errorf("byte by byte %q, want %q", got, tc.want)
			}
		})
	}
}

func bytewise(steps []step) []step {
	var cut []step
	for _, s := range steps {
		for i := range len(s.typed) {
			cut = append(cut, types(s.typed[i:i+1]))
		}
		for i := range len(s.printed) {
			cut = append(cut, prints(s.printed[i:i+1]))
		}
	}
	return cut
}

func TestARunIsOnePiece(t *testing.T) {
	var j Judge
	var hidden int
	for _, p := range append(j.Typed([]byte("one\rtwo\r")), j.End()...) {
		if p.Hidden {
			hidden++
		}
	}
	if hidden != 2 {
		t.Errorf("two runs are %d hidden pieces", hidden)
	}
}

// FuzzJudge takes its steps from text: a byte of the upper half is printed, less its highest bit, any other is typed.
func FuzzJudge(f *testing.F) {
	f.Add([]byte("ls\xec\xf3\r\x8d\x8a"), uint8(3))
	f.Add([]byte("hunter2\r\x8d\x8aW\xd7"), uint8(1))
	f.Add([]byte("a\xe1b\x88\xe1\xe2\x1b[A \xa0\x8dc\xe3\r"), uint8(2))
	f.Add([]byte("\x1b[27;5u\x9b\xdb\xb1x\xed x\xf8"), uint8(5))
	f.Fuzz(func(t *testing.T, script []byte, cut uint8) {
		var one, other []step
		var typed []byte
		for i := 0; i < len(script); {
			end, half := i, script[i]&0x80
			for end < len(script) && script[end]&0x80 == half {
				end++
			}
			part := bytes.Clone(script[i:end])
			for k := range part {
				part[k] &^= 0x80
			}
			says := types
			if half != 0 {
				says = prints
			} else {
				typed = append(typed, part...)
			}
			one = append(one, says(string(part)))
			for len(part) > 0 {
				n := min(len(part), int(cut%7)+1)
				other = append(other, says(string(part[:n])))
				part = part[n:]
			}
			i = end
		}
		got := recorded(t, one)
		if again := recorded(t, other); got != again {
			t.Errorf("at once %q, cut %q", got, again)
		}
		if len(got) != len(typed) {
			t.Fatalf("%d bytes were typed, %d recorded", len(typed), len(got))
		}
		for i := range typed {
			if got[i] != typed[i] && got[i] != '*' {
				t.Fatalf("%q was typed, %q is recorded", typed, got)
			}
		}
		clearRunsWerePrinted(t, one, typed, got)
	})
}

// clearRunsWerePrinted: of each run that is clear the output held all bytes, in order, after the first was typed. It knows
// nothing of sequences in the output, and takes only those runs that hold no byte of a sequence that was typed.
func clearRunsWerePrinted(t *testing.T, steps []step, typed []byte, got string) {
	t.Helper()
	printedAfter := func(at int) []byte {
		var out []byte
		n := 0
		for _, s := range steps {
			if n += len(s.typed); n > at {
				out = append(out, s.printed...)
			}
		}
		return out
	}
	printable := func(b byte) bool { return b >= 0x20 && b != del }
	for i := 0; i < len(typed); {
		end := i
		for end < len(typed) && printable(typed[end]) {
			end++
		}
		ours := i == 0 || typed[i-1] != esc
		if run := typed[i:end]; ours && len(run) > 0 && got[i:end] == string(run) && !bytes.Contains(run, []byte{'*'}) {
			out := printedAfter(i)
			for _, b := range run {
				at := bytes.IndexByte(out, b)
				if at < 0 {
					t.Fatalf("%q is clear and was not printed: %q", run, printedAfter(i))
				}
				out = out[at+1:]
			}
		}
		i = max(end, i+1)
	}
}
