package mask_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-dev/sallyport/internal/mask"
)

// fake is a run of n bytes that looks like a key to these rules and like nothing
// to a scanner of repositories: it is assembled, and says what it is.
func fake(n int) string { return strings.Repeat("FAKE0fake1", n/10+1)[:n] }

func upper(n int) string { return strings.ToUpper(fake(n)) }

// mark wraps what must be masked; expect turns the marks into input and output.
func mark(secret string) string { return "\x01" + secret + "\x02" }

func expect(marked string) (in, out string) {
	for {
		before, rest, ok := strings.Cut(marked, "\x01")
		in, out = in+before, out+before
		if !ok {
			return in, out
		}
		secret, after, _ := strings.Cut(rest, "\x02")
		in += secret
		for line := range strings.Lines(secret) { // line ends stay
			text := strings.TrimRight(line, "\r\n")
			out += strings.Repeat("*", len(text)) + line[len(text):]
		}
		marked = after
	}
}

// split marks every other part.
func split(mark func(string) string, parts ...string) string {
	var out strings.Builder
	for i, p := range parts {
		if i%2 == 0 {
			p = mark(p)
		}
		out.WriteString(p)
	}
	return out.String()
}

func maskAll(text string, counts map[string]int) string {
	s := mask.Default().NewStream()
	out := string(s.Write([]byte(text)).User)
	out += string(s.Flush().User)
	for name, n := range s.Counts() {
		counts[name] += n
	}
	return out
}

// examples are for each rule: what it must find, marked, and what it must not.
var examples = map[string]struct{ yes, no []string }{
	"aws-access-key-id": {
		[]string{"AKIA" + mark(upper(16)), "id: ASIA" + mark(upper(16)) + "\n", "=AKIA" + mark(upper(16)) + "\""},
		[]string{"AKIA", "AKIA" + upper(15) + " ", "XAKIA" + upper(16), "akia" + fake(16)},
	},
	"aws-secret-access-key": {
		[]string{"aws_secret_access_key = " + mark(fake(40)), `"SecretAccessKey": "` + mark(fake(20)+"/+"+fake(18)) + `",`, "AWS_SECRET_ACCESS_KEY=" + mark(fake(40)) + "\n"},
		[]string{"aws_secret_access_key", "aws_secret_access_key_id ="},
	},
	"github-token": {
		[]string{"ghp_" + mark(fake(36)), "ghs_" + mark(fake(36)) + " ", "https://x/?t=gho_" + mark(fake(36))},
		[]string{"ghp_short", "xghp_" + fake(36), "GHP_" + fake(36)},
	},
	"github-fine-grained-token": {[]string{"github_pat_" + mark(fake(22)+"_"+fake(59))}, []string{"github_pat_", "github_path_" + fake(30)}},
	"gitlab-token":              {[]string{"glpat-" + mark(fake(20)), "(glrt-" + mark(fake(20)) + ")"}, []string{"glpat-x", "glpath-" + fake(20)}},
	"slack-token":               {[]string{"xoxb-" + mark("0000-"+fake(24)), "xapp-" + mark("1-A-"+fake(20))}, []string{"xoxb-", "xoxz-" + fake(20), "boxoxb-" + fake(12)}},
	"slack-webhook":             {[]string{"https://hooks.slack.com/services/" + mark("T00/B00/"+fake(24))}, []string{"https://hooks.slack.com/services/", "https://slack.com/services/" + fake(30)}},
	"stripe-key":                {[]string{"sk_live_" + mark(fake(24)), "whsec_" + mark(fake(32))}, []string{"sk_live_", "risk_live_" + fake(24), "sk_prod_" + fake(24)}},
	"google-api-key":            {[]string{"AIza" + mark(fake(35))}, []string{"AIza", "PAIza" + fake(35), "aiza" + fake(35), "/AIza" + fake(35), "+AIza" + fake(35), "AIza" + fake(34)}},
	"google-oauth":              {[]string{"GOCSPX-" + mark(fake(28)), "ya29." + mark(fake(60))}, []string{"GOCSPX-", "ya29.x"}},
	"npm-token":                 {[]string{"npm_" + mark(fake(36)) + "\n"}, []string{"npm_config_cache", "npm_execpath_and_other_things"}},
	"pypi-token":                {[]string{"pypi-AgE" + mark("IcHlwaS5vcmc"+fake(50))}, []string{"pypi-AgE", "pypi-server-1.5.1"}},
	"anthropic-api-key":         {[]string{"sk-" + mark("ant-api03-"+fake(90))}, []string{"sk-ant-", "task-ant-" + fake(40)}},
	"openai-api-key":            {[]string{"sk-" + mark(fake(48)), "sk-" + mark("proj-"+fake(60))}, []string{"sk-learn-and-other-machine-learning", "risk-" + fake(40), "sk-x"}},
	"sendgrid-key":              {[]string{"SG." + mark(fake(22)+"."+fake(43))}, []string{"SG.x", "MSG." + fake(30)}},
	"vault-token":               {[]string{"hvs." + mark(fake(90))}, []string{"hvs.", "hvx." + fake(30)}},
	"digitalocean-token":        {[]string{"dop_v1_" + mark(strings.Repeat("0123456789abcdef", 4))}, []string{"dop_v1_", "dop_v1_" + strings.Repeat("z", 64)}},
	"huggingface-token":         {[]string{"hf_" + mark(fake(34))}, []string{"hf_hub_download", "shf_" + fake(34)}},
	"bearer-token":              {[]string{"Bearer " + mark(fake(20)), "bearer " + mark("v1."+fake(20)+"==") + "\n"}, []string{"Bearer authentication-is-required", "bearer of bad news", "forbearer " + fake(20)}},
	"jwt": {
		[]string{"eyJ" + fake(20) + "." + mark("eyJ"+fake(40)+"."+fake(43)), "'eyJ" + fake(20) + "." + mark(fake(30)+".a.b.c") + "'"},
		[]string{"eyJ" + fake(20), "eyJ" + fake(20) + ".short ", "eyJx." + fake(30), "keyJ" + fake(20) + "." + fake(30)},
	},
	"url-credentials": {
		[]string{
			"postgres://app:" + mark("s3cr3t") + "@db:5432/app", "redis://:" + mark("x") + "@cache", "https://a@b.c:" + mark("p") + "@host/",
			"amqp://u:" + mark("p@ss:w@rd") + "@mq/v", "see http://u:" + mark("p%20q") + "@h, ok",
		},
		[]string{"http://host:8080/path", "http://host:8080/a@b", "http://[::1]:8080/", "https://me@host/", "a://b:c d@e", "://:@x"},
	},
	"private-key": {
		[]string{
			"-----BEGIN RSA PRIVATE KEY-----" + mark("\n"+fake(64)+"\r\n"+fake(20)+"==\n") + "-----END RSA PRIVATE KEY-----\nafter: it's over\n",
			"-----BEGIN OPENSSH PRIVATE KEY-----" + mark("\n"+fake(64)+"\n"),
			`"key": "-----BEGIN PRIVATE KEY-----` + mark(`\n`+fake(64)+`\n`) + `-----END PRIVATE KEY-----\n"`,
			"-----BEGIN EC PRIVATE KEY-----" + mark("\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n"+fake(9)+"\n"),
			"a.pem:-----BEGIN PRIVATE KEY-----" + mark("\nroot") + "@host:~# ls",
		},
		[]string{"-----BEGIN CERTIFICATE-----\n" + fake(64) + "\n-----END CERTIFICATE-----\n", "-----BEGIN PUBLIC KEY-----\n" + fake(64), "BEGIN PRIVATE KEY"},
	},
	"card-number": {
		[]string{
			"card: 411111" + mark("1111111111") + "\n", "4111 11" + split(mark, "11", " ", "1111", " ", "1111") + ", ok", "5555-55" + split(mark, "55", "-", "5555", "-", "4444"),
			"3782 82" + split(mark, "2463", " ", "10005") + " AMEX", "(601111" + mark("1111111117") + ")", "1 4111 11" + split(mark, "11", " ", "1111", " ", "1111") + " 123\n",
		},
		[]string{
			"4111111111111112\n", "4111 1111 1111 111\n", "0.4111111111111111 ", "x4111111111111111", "41111111111111111111 ", "4111111111111111a", "2026-11-23T12:00:00", "4111-1111 1111-1111 ",
			"4111111111111111_", "1.4111111111111111 ", "4111 111111111111 \n",
		},
	},
	"iban": {
		[]string{
			"IBAN DE89" + mark("370400440532013000") + "\n", "GB82 " + split(mark, "WEST", " ", "1234", " ", "5698", " ", "7654", " ", "32") + ".", "BE68 " + split(mark, "5390", " ", "0754", " ", "7034") + " EUR",
		},
		[]string{"DE89370400440532013001\n", "DE8937040044053201300\n", "XDE89370400440532013000 ", "DE89370400440532013000X", "DE89 3704 0044", "ZZ89370400440532013000"},
	},
	"authorization": {
		[]string{"Authorization: Basic " + mark(fake(12)), "'authorization':'" + mark(fake(20)) + "'", `{"Authorization": "Token ` + mark(fake(20)) + `"}`, "authorization: Basic  " + mark("abcdef=") + "\r\n"},
		[]string{"Authorization: ", "authorization: required", "Authorization: Bearer\r\n", "authorization header"},
	},
	"assignment": {
		[]string{
			"password=" + mark("hunter2"), "DB_PASSWORD=" + mark("hunter2,;") + "\n", "password: '" + mark("correct horse battery staple") + "'\n",
			`{"password":"` + mark(`a\"b\\cdefghijk`) + `"}`, `"{\"token\": \"` + mark(`abc\\defghijklmn`) + `\"}"`, `{\"token\": \"` + mark("abcdef") + `\"}`,
			"clientSecret := `" + mark("abcdefgh") + "`", "--password " + mark("hunter2") + " -h x", "x?api_key=" + mark("abcdefgh") + "&y=1",
			"<password>" + mark("hunter2") + "</password>", "MYSQL_PWD=" + mark("hunter2"), "token\t=>  " + mark("abc.def/ghi+jkl=="), `cfg["password"] = "` + mark("hunter2") + `"`,
			"password=" + mark("token=abcdef"), "secret=" + mark("秘密の鍵です"), `token=` + mark(`\escape`) + ` x`, "token=" + mark("aaaaaaaaaaaa") + "\x00PATH=/bin", "a secret: " + mark("password1"),
		},
		[]string{
			"password", "password:", "password: \n", "Password for bob: ", "token: null,", "token: <none>", "secret: undefined;", "password=short", "max_tokens=4096000",
			"secretName: default-token-abcde", "PWD=/root/longer", "OLDPWD=/home/user", "password=${DB_PASSWORD}", `password: "{{ .Values.password }}"`, "password: ********",
			"password is hunter2", "token expired or invalid", "--password --user", `password: ""`, "passwordless: enabledness", "type: kubernetes.io/service-account-token", "xpwd=abcdefgh",
		},
	},
}

func TestRules(t *testing.T) {
	for _, name := range mask.Default().Names() {
		t.Run(name, func(t *testing.T) {
			ex, ok := examples[name]
			if !ok || len(ex.yes) == 0 || len(ex.no) == 0 {
				t.Fatal("the rule has no examples")
			}
			for _, marked := range ex.yes {
				in, want := expect(marked)
				counts := map[string]int{}
				if diff := cmp.Diff(want, maskAll(in, counts)); diff != "" {
					t.Errorf("%q (-want +got):\n%s", in, diff)
				}
				if again := maskAll(want, map[string]int{}); again != want {
					t.Errorf("masking %q again gives %q", want, again)
				}
				if counts[name] != 1 {
					t.Errorf("%q: counted %v", in, counts)
				}
			}
			for _, in := range ex.no {
				counts := map[string]int{}
				if diff := cmp.Diff(in, maskAll(in, counts)); diff != "" || len(counts) > 0 {
					t.Errorf("clean %q, counted %v (-want +got):\n%s", in, counts, diff)
				}
			}
		})
	}
	if len(examples) != len(mask.Default().Names()) {
		t.Errorf("%d examples for %d rules", len(examples), len(mask.Default().Names()))
	}
}

func TestDigest(t *testing.T) {
	if d := mask.Default().Digest(); len(d) != 64 || d != mask.Default().Digest() {
		t.Errorf("digest %q", d)
	}
}

func TestStrings(t *testing.T) {
	tests := map[string]struct{ in, want []string }{
		"if nothing is secret, then nothing changes":         {[]string{"ls", "-l", "--color=auto", ""}, []string{"ls", "-l", "--color=auto", ""}},
		"if an option takes a secret, then it is masked":     {[]string{"mysql", "--password=abc", "--user=bob"}, []string{"mysql", "--password=***", "--user=bob"}},
		"if a secret follows an option, then it is masked":   {[]string{"x", "--db-password", "a b", "y"}, []string{"x", "--db-password", "***", "y"}},
		"if an option follows an option, then it stays":      {[]string{"x", "--token", "--verbose"}, []string{"x", "--token", "--verbose"}},
		"if a variable is secret, then its value is masked":  {[]string{"env", "DB_PASSWORD=x", "A=b"}, []string{"env", "DB_PASSWORD=*", "A=b"}},
		"if a script holds a secret, then that is masked":    {[]string{"sh", "-c", "mysql --password hunter2 -h db"}, []string{"sh", "-c", "mysql --password ******* -h db"}},
		"if a word only mentions a secret, then it stays":    {[]string{"grep", "password", "app.log"}, []string{"grep", "password", "app.log"}},
		"if an argument is a token, then its body is masked": {[]string{"ghp_" + fake(36)}, []string{"ghp_" + strings.Repeat("*", 36)}},
		"if the last option has no value, then it stays":     {[]string{"x", "--token"}, []string{"x", "--token"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, mask.Default().Strings(tc.in)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
