//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/sallyport-dev/sallyport/internal/mask/masktest"
)

// inVault is a command in vault-0, in a shell.
func inVault(script string) []string {
	return []string{"exec", "-n", namespace, "vault-0", "--", "sh", "-c", script}
}

// showsAll prints everything that the vault's container knows, in the ways that people do.
const showsAll = `
env
for file in /files/database /files/app.conf /files/tls.key /registry/config.json; do
	echo "== $file"; cat $file
	echo; base64 $file; base64 -w 0 $file; echo
	xxd $file; xxd -p $file; hexdump -C $file; od -t x1 $file
done
env | base64
`

// TestSecretValues shows the vault in every way, and then looks for what is left of it.
func TestSecretValues(t *testing.T) {
	v := newVault(t)
	allowReading(t)
	g := active(t, grant{Pod: "vault-0"})
	search := newSearch(v.secrets...)
	developer := through("developer")

	t.Run("if all is printed at once, then the person sees no part of it", func(t *testing.T) {
		for name, c := range clients() {
			r := c.Kubectl(inVault(showsAll)...)
			if found := search.of([]byte(r.Stdout + r.Stderr)); r.Code != 0 || len(found) > 0 {
				t.Errorf("%s: exit code %d; seen is something of %q:\n%s%s", name, r.Code, found, r.Stdout, r.Stderr)
			}
			for _, line := range []string{"PIN=" + shortValue, "STAGE=" + commonValue} {
				if !strings.Contains(r.Stdout, line+"\n") {
					t.Errorf("%s: %s is masked, which nobody would call a secret", name, line)
				}
			}
		}
	})
	t.Run("if it is printed alone, then only a beginning is in clear", func(t *testing.T) {
		for file, value := range v.files {
			isMasked(t, file, value, developer.Must(t, inVault("cat "+file)...))
			wrapped := developer.Must(t, inVault("base64 "+file)...)
			isMasked(t, file+" in base64", base64.StdEncoding.EncodeToString([]byte(value)), strings.ReplaceAll(wrapped, "\n", ""))
			isMasked(t, file+" in one line of base64", base64.StdEncoding.EncodeToString([]byte(value)), developer.Must(t, inVault("base64 -w 0 "+file)...))
			digits := developer.Must(t, inVault("xxd -p "+file)...)
			text := strings.TrimSpace(value) // the line end is in clear
			isMasked(t, file+" in hexadecimal", hex.EncodeToString([]byte(text)), strings.ReplaceAll(digits, "\n", "")[:2*len(text)])
		}
		for name, value := range v.env {
			if value != shortValue && value != commonValue {
				isMasked(t, name, value, developer.Must(t, inVault(`printf %s "$`+name+`"`)...))
			}
		}
	})
	t.Run("if it is an argument, then it is masked where arguments are shown", func(t *testing.T) {
		r := developer.Kubectl("exec", "-n", namespace, "vault-0", "--", "echo", "is it", v.env["DATABASE"], "or", base64.StdEncoding.EncodeToString([]byte(v.env["ORDERS"])))
		if found := search.of([]byte(r.Stdout)); r.Code != 0 || len(found) > 0 || !strings.HasPrefix(r.Stdout, "is it ") {
			t.Error(r)
		}
	})
	t.Run("if an editor shows it, then it is masked on the screen", func(t *testing.T) { editors(t, search) })
	t.Run("if it reaches the right margin of a narrow terminal, then what is written there hides nothing", func(t *testing.T) { margins(t, search, v.env["DATABASE"]) })
	t.Run("if a Secret is rotated, then the session that lives masks the new value", func(t *testing.T) {
		v.secrets = append(v.secrets, rotation(t, v))
		search = newSearch(v.secrets...)
	})
	t.Run("if the session is asked, then it says what is not masked", func(t *testing.T) {
		session, prefix := lastSession(t, g)
		if got := condition(t, session); !strings.HasPrefix(got, "True ValuesIgnored ") || !strings.Contains(got, " values of 3 Secrets ") || !strings.Contains(got, "vault-env/PIN") || !strings.Contains(got, "vault-env/STAGE") {
			t.Errorf("the condition is %q", got)
		}
		open := string(openStore(t, "auditor").Cat(prefix + "/open.json"))
		for _, want := range []string{`"mode":"WhereAllowed"`, `"vault-env"`, `"vault-files"`, `"vault-registry"`, `"Known"`} {
			if !strings.Contains(open, want) {
				t.Errorf("the open object does not hold %s: %s", want, open)
			}
		}
		shown, err := openStore(t, "auditor").Plugin("sessions", "show", session)
		changed := regexp.MustCompile(`Secret: +vault-env, version (\d+): Known, (?s:.*)\nChanged: +\S+ vault-env, version (\d+): Known, `).FindStringSubmatch(shown)
		if err != nil || changed == nil || changed[1] == changed[2] || !strings.Contains(shown, "Verified:     yes, all of it") {
			t.Errorf("%v: the rotation is not in the recording: %s", err, shown)
		}
		wide := strings.Fields(as("admin").Must(t, "get", "xs", "-n", namespace, session, "-o", "wide"))
		if !slices.Contains(wide, "SECRETVALUESMASKED") || !slices.Contains(wide, "True") {
			t.Errorf("the list says %q", wide)
		}
	})
	search.nowhere(t, g)
}

func condition(t *testing.T, session string) string {
	t.Helper()
	return as("admin").Must(t, "get", "xs", "-n", namespace, session, "-o",
		`jsonpath={range .status.conditions[?(@.type=="SecretValuesMasked")]}{.status} {.reason} {.message}{end}`)
}

// draws is an editor that colours what it shows, numbers the lines, and breaks those that are too long for it.
const draws = `awk 'BEGIN { printf "\033[?1049h\033[2J" } {
	printf "\033[%d;1H\033[33m%3d \033[0m", ++row, NR
	for (rest = $0; length(rest) > 60; rest = substr(rest, 61)) printf "\033[1m%s\033[0m\033[%d;1H", substr(rest, 1, 60), ++row
	printf "\033[36m%s\033[0m\033[K", rest
} END { printf "\033[24;1H\033[7mshown\033[0m\033[?1049l" }' `

// editors looks at the files in vi, in less and in one that wraps, at a terminal.
func editors(t *testing.T, search search) {
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	cmd := through("developer").Command(ctx, "exec", "-it", "-n", namespace, "vault-0", "--", "sh")
	master, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 24, Cols: 80})
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	screen := newScreen(master)
	screen.expect(t, "# ")
	for n, file := range []string{"/files/database", "/files/app.conf", "/files/tls.key"} {
		done := "closed-" + strings.Repeat("i", n+1) + "."
		typing(t, master, "vi "+file+"; echo clo''sed-"+strings.Repeat("i", n+1)+".\r")
		screen.expect(t, file+" [Readonly]")
		typing(t, master, ":q!\r")
		screen.expect(t, done)
		typing(t, master, draws+file+"; less "+file+"; echo clo''sed-"+strings.Repeat("l", n+1)+".\r")
		screen.expect(t, "shown\x1b[0m\x1b[?1049l")
		typing(t, master, "q")
		screen.expect(t, "closed-"+strings.Repeat("l", n+1)+".")
	}
	typing(t, master, "exit 6\r")
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 6 {
		t.Errorf("exit code %d", code)
	}
	if found := search.of([]byte(screen.text())); len(found) > 0 {
		t.Errorf("on the screen is something of %q: %q", found, screen.text())
	}
}

// margins pastes and types a value into bash in two locales and into the shell of busybox, recalls it, and shows it in vim, where 40
// columns are.
func margins(t *testing.T, search search, value string) {
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	for shell, paste := range map[string][2]string{
		"env LC_ALL=C.UTF-8 bash --norc": {"\x1b[200~", "\x1b[201~"},
		"env LC_ALL=C bash --norc":       {"\x1b[200~", "\x1b[201~"},
		"sh":                             {},
	} {
		cmd := through("developer").Command(ctx, append([]string{"exec", "-it", "-n", namespace, "vault-0", "--"}, strings.Fields(shell)...)...)
		master, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 24, Cols: 40})
		if err != nil {
			t.Fatal(err)
		}
		screen := newScreen(master)
		editing(t, master, screen, paste, value)
		_ = cmd.Wait()
		_ = master.Close()
		if code := cmd.ProcessState.ExitCode(); code != 6 {
			t.Errorf("%s: exit code %d", shell, code)
		}
		text := screen.text()
		if found := search.of([]byte(text)); len(found) > 0 {
			t.Errorf("%s: on the screen is something of %q: %q", shell, found, text)
		}
		if masktest.Margins([]byte(text)) < 3 {
			t.Errorf("%s: nothing has crossed the margin: %q", shell, text)
		}
	}
}

// editing works in a shell, and leaves it with 6. The value begins in other columns each time, and crosses one edge or two.
func editing(t *testing.T, w io.Writer, screen *screen, paste [2]string, value string) {
	t.Helper()
	screen.expect(t, "# ")
	typing(t, w, "PS1='$'; echo be''gun\r")
	screen.expect(t, "begun\r\n")
	for n := range 4 {
		mark := fmt.Sprintf("#mark-%d.", n)
		line := ": " + strings.Repeat("x", 4+7*n) + " " + value + " " + value + " " + mark
		if n%2 == 0 {
			typing(t, w, paste[0]+line+paste[1])
		} else {
			typingSlowly(t, w, line)
		}
		screen.shows(t, mark, 1)
		typing(t, w, fmt.Sprintf("\recho pa''sted-%d.\r", n))
		screen.expect(t, fmt.Sprintf("pasted-%d.", n))
		typing(t, w, "\x1b[A\x1b[A")
		screen.shows(t, mark, 2)
		typing(t, w, fmt.Sprintf("\recho re''called-%d.\r", n))
		screen.expect(t, fmt.Sprintf("recalled-%d.", n))
		file := fmt.Sprintf("/tmp/long-%d", n)
		typing(t, w, fmt.Sprintf("printf '%%0%dd%%s' 0 \"$DATABASE\" > %s; TERM=xterm vim -u NONE -N %s; echo clo''sed-%d.\r", 12+7*n, file, file, n))
		screen.expect(t, file+`" [noeol]`)
		typing(t, w, ":q!\r")
		screen.expect(t, fmt.Sprintf("closed-%d.", n))
	}
	typing(t, w, "exit 6\r")
}

// rotation changes a Secret while a session lives, and returns the new value, which nobody may see. What comes with it in the
// same change says when the gateway knows both.
func rotation(t *testing.T, v *vault) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	cmd := through("developer").Command(ctx, "exec", "-i", "-n", namespace, "vault-0", "--", "cat")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(stdout)
	says := func(text string) string {
		if _, err := io.WriteString(stdin, text+"\n"); err != nil {
			t.Fatal(err)
		}
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSuffix(line, "\n")
	}
	sign, value := rand.Text(), rand.Text()
	if got := says(sign); got != sign {
		t.Fatalf("before the rotation %q is shown as %q", sign, got)
	}
	v.make(t, "vault-env", "Opaque", map[string]string{"GREETING": v.env["GREETING"], "ORDERS": value, "SIGN": sign, "PIN": shortValue, "STAGE": commonValue})
	eventually(t, "the gateway knows the new values", 30*time.Second, func() bool { return says(sign) != sign })
	isMasked(t, "the new value", value, says(value))
	isMasked(t, "the new value in base64", base64.StdEncoding.EncodeToString([]byte(value)), says(base64.StdEncoding.EncodeToString([]byte(value))))
	isMasked(t, "the value that it was", v.env["ORDERS"], says(v.env["ORDERS"]))
	if err := stdin.Close(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	return value
}

// TestSecretValuesNotRead is what happens where the gateway may not read the Secrets; and that the search finds what is there.
func TestSecretValuesNotRead(t *testing.T) {
	v := newVault(t)
	g := active(t, grant{Pod: "vault-0"})
	r := through("developer").Kubectl(inVault("printf '%s\n' \"$DATABASE\"; base64 /files/database; hexdump -C /files/database")...)
	search := newSearch(v.env["DATABASE"])
	for n, line := range strings.SplitN(r.Stdout, "\n", 3) {
		if found := search.of([]byte(line)); r.Code != 0 || !slices.Equal(found, []string{v.env["DATABASE"]}) {
			t.Errorf("the search finds %q in part %d: %s", found, n, r)
		}
	}
	session, prefix := lastSession(t, g)
	want := "False NotRead 0 values of 3 Secrets and of the pod's specification are masked; not read, and not masked: vault-env (Forbidden), vault-files (Forbidden), vault-registry (Forbidden)"
	if got := condition(t, session); got != want {
		t.Errorf("the condition is %q, want %q", got, want)
	}
	if out, err := openStore(t, "auditor").Plugin("play", session); err != nil || !strings.Contains(out, v.env["DATABASE"]) {
		t.Errorf("%v: recorded in %s is %s", err, prefix, out)
	}

	t.Run("if they are required, then there is no session", func(t *testing.T) {
		secretMode(t, "Required")
		says := []string{"the gateway cannot read vault-env, vault-files, vault-registry", "kubectl create role -n " + namespace, "--serviceaccount=sallyport-system:sallyport"}
		through("developer").Refused(t, says, inVault("true")...)
		allowReading(t)
		r := through("developer").Kubectl(inVault("cat /files/database")...)
		if r.Code != 0 {
			t.Fatal(r)
		}
		isMasked(t, "the value", v.env["DATABASE"], r.Stdout)

		cmd := through("developer").Command(t.Context(), "exec", "-i", "-n", namespace, "vault-0", "--", "sh", "-c", "echo begun; cat")
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		stdin, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		defer stdin.Close()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil || line != "begun\n" {
			t.Fatalf("%v: %q", err, line)
		}
		tooMuch := map[string]string{}
		for i := range 20 {
			tooMuch[fmt.Sprint("k", i)] = strings.Repeat(rand.Text()+" ", 32<<10/27)
		}
		v.make(t, "vault-env", "Opaque", tooMuch)
		if err := cmd.Wait(); err == nil || !strings.Contains(stderr.String(), "hold more than a session can look for: vault-env") {
			t.Errorf("%v: a rotation that cannot be masked leaves the session: %s", err, stderr.String())
		}
		session, _ := lastSession(t, g)
		if got := condition(t, session); !strings.HasPrefix(got, "False TooLarge ") {
			t.Errorf("the condition is %q", got)
		}
	})
}
