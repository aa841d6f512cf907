package forms

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strings"
	"testing"
)

var (
	password = "s3cr3t-" + strings.Repeat("Zq", 5)
	token    = "tok" + strings.Repeat("9aB", 8)
	keyLine  = strings.Repeat("MIIEkey1", 8)
	crtLine  = strings.Repeat("MIIDcert", 8)
	keyPEM   = block("PRIVATE KEY", keyLine)
	crtPEM   = block("CERTIFICATE", crtLine)
)

func block(name, line string) string {
	return pemBegin + name + "-----\n" + line + "\n" + pemEnd + name + "-----\n"
}

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func TestParts(t *testing.T) {
	for name, tc := range map[string]struct {
		secretType, key, value string
		want                   []string // among the parts, the value itself apart
		not                    []string // not among them
		onlyItself             bool
	}{
		"if it is one word, there is no other part": {value: password, onlyItself: true},
		"if it has several lines, the long ones are parts": {
			value: "first long line\nshort\nsecond long line\n", want: []string{"first long line", "second long line"}, not: []string{"short"},
		},
		"if it is a registry's configuration, what lets one in": {
			secretType: typeDockerConfig, key: ".dockerconfigjson",
			value: `{"auths":{"registry.example.com":{"username":"robot-account","password":"` + password + `","auth":"` + b64("robot-account:"+password) +
				`","identitytoken":"` + token + `"}}}`,
			want: []string{password, token, b64("robot-account:" + password), "robot-account:" + password}, not: []string{"registry.example.com", "robot-account"},
		},
		"if it is a registry's old configuration, the same": {
			secretType: typeDocker, key: ".dockercfg", value: `{"registry.example.com":{"auth":"` + b64("u:"+password) + `"}}`,
			want: []string{password, "u:" + password},
		},
		"if that is broken, what can be found": {
			secretType: typeDockerConfig, key: ".dockerconfigjson", value: "{\"auths\":\n\"password\": \"" + password + "\",\n", want: []string{`"password": "` + password + `",`},
		},
		"if it is a key, its lines, and not its frame":              {secretType: typeTLS, key: "tls.key", value: keyPEM, want: []string{keyLine}, not: []string{"-----BEGIN PRIVATE KEY-----"}},
		"if it is a key with its certificate, only the key's lines": {key: "both.pem", value: crtPEM + keyPEM, want: []string{keyLine}, not: []string{crtLine}},
		"if it is a kubeconfig, what lets one in": {
			key: "kubeconfig",
			value: "apiVersion: v1\nkind: Config\nclusters:\n- name: production-cluster\n  cluster:\n    server: https://api.example.com:6443\n" +
				"    certificate-authority-data: " + b64(crtPEM) + "\nusers:\n- name: someone-there\n  user:\n    token: " + token + "\n    password: \"" + password +
				"\"\n    client-key-data: " + b64(keyPEM) + "\n",
			want: []string{token, password, b64(keyPEM), keyPEM, keyLine},
			not:  []string{"apiVersion: v1", "kind: Config", "production-cluster", "https://api.example.com:6443", b64(crtPEM)},
		},
		"if it is a URL, its password, also decoded": {value: "postgres://app:p%40ss" + password + "@db:5432/shop", want: []string{"p%40ss" + password, "p@ss" + password}},
		"if a URL's password has a slash, all of it": {value: "amqp://app:" + password + "/x@mq/", want: []string{password + "/x"}},
		"if it is a connection string, its password": {value: "Server=db;User Id=app;Password=" + password + ";Encrypt=true", want: []string{password}},
		"if it is one of libpq, its password":        {value: "host=db user=app password='" + password + "' dbname=shop", want: []string{password}},
		"if it is one of JDBC, its password":         {value: "jdbc:postgresql://db/shop?user=app&password=" + password, want: []string{password}},
		"if it is an env file, what its names call secret": {
			key: ".env", value: "# of the shop\nLOG_LEVEL=debug-and-more\nexport DB_PASSWORD='" + password + "'\nPASSWORD_FILE=/run/secrets/password\n",
			want: []string{password}, not: []string{"LOG_LEVEL=debug-and-more", "debug-and-more", "/run/secrets/password"},
		},
		"if it is an ini file, what its names call secret": {
			value: "[client]\nhost = database.example.com\npassword = " + password + "\n", want: []string{password}, not: []string{"database.example.com"},
		},
		"if it is YAML with a block, the block": {
			value: "listen: address-of-it\nprivateKey: |\n  " + strings.ReplaceAll(strings.TrimSpace(keyPEM), "\n", "\n  ") + "\nafter: something-else\n",
			want:  []string{keyLine}, not: []string{"something-else", "address-of-it"},
		},
		"if it is JSON, what its names call secret": {
			value: `{"db":{"host":"database.example.com","password":"` + password + `"},"list":[{"apiKey":"` + token + `"}]}`,
			want:  []string{password, token}, not: []string{"database.example.com"},
		},
		"if a document has a URL, its password":        {value: "a=1\nURL=redis://:" + password + "@cache:6379/0\n", want: []string{password}},
		"if a document has a token, whatever its name": {value: "a=1\nSTRIPE=" + token + "\n", want: []string{token}},
		"if a value has a comment, it without":         {value: "a: 1\npassword: " + password + " # of the robot\n", want: []string{password}},
		"if a password is common, it is no part":       {value: "postgres://app:postgres@db:5432/shop", not: []string{"postgres"}},
	} {
		t.Run(name, func(t *testing.T) {
			parts := Parts(tc.secretType, tc.key, []byte(tc.value))
			var got []string
			for _, p := range parts {
				got = append(got, strings.TrimSpace(string(p.Text)))
			}
			if len(got) == 0 || string(parts[0].Text) != tc.value {
				t.Fatalf("the value itself is not the first of %q", got)
			}
			for _, want := range tc.want {
				if !slices.Contains(got, strings.TrimSpace(want)) {
					t.Errorf("%q is not among %q", want, got)
				}
			}
			for _, not := range tc.not {
				if slices.Contains(got, strings.TrimSpace(not)) {
					t.Errorf("%q is among %q", not, got)
				}
			}
			if tc.onlyItself && len(got) != 1 {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestPublic(t *testing.T) {
	for name, tc := range map[string]struct {
		secretType, key, value string
		public                 bool
	}{
		"if it is the certificate of a key, it is public": {typeTLS, "tls.crt", crtPEM, true},
		"if it is the key, it is not":                     {typeTLS, "tls.key", keyPEM, false},
		"if it is a token, it is not":                     {typeServiceToken, "token", token, false},
		"if it is the authority of a token, it is public": {typeServiceToken, "ca.crt", crtPEM, true},
		"if it is the namespace of a token, it is public": {typeServiceToken, "namespace", "some-namespace", true},
		"if it is a certificate of any Secret, it is":     {"Opaque", "ca.pem", crtPEM + crtPEM, true},
		"if it begins as a certificate, it is not":        {"Opaque", "ca.pem", strings.Split(crtPEM, pemEnd)[0] + password, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Parts(tc.secretType, tc.key, []byte(tc.value)); (len(got) == 0) != tc.public {
				t.Errorf("got %d parts", len(got))
			}
		})
	}
}

func TestUnfit(t *testing.T) {
	for text, unfit := range map[string]bool{
		"": true, "  \n": true, "short": true, "seven77": true, "eight888": false, "********": true, "aaaaaaaaaaaa": true, "ababababab": false,
		"true": true, "Postgres": true, " postgres\n": true, "postgres-2": false, "changeme": true, "localhost": true, "us-east-1": true,
		"kubernetes.default.svc": true, "10.0.0.12": true, "1234567": true, "12345678": false, "2026-11-23": false, "123 456": true,
		"password123": false, "ääää": true, "äöüß": false,
	} {
		if got := Unfit([]byte(text)); (got != "") != unfit {
			t.Errorf("Unfit(%q) = %q", text, got)
		}
	}
	for word := range common() {
		if word != strings.ToLower(word) {
			t.Errorf("common.txt has %q, which nothing can equal", word)
		}
	}
}

func TestSecretName(t *testing.T) {
	for name, want := range map[string]bool{
		"DB_PASSWORD": true, "dbPassword": true, "db.password": true, "PASSWORD2": true, "SECRET_KEY_BASE": true, "token": true, "api-key": true, "DB_PASS": true,
		"AWS_SECRET_ACCESS_KEY": true, "VAULT_SECRET_ID": true, "client-key-data": true,
		"": false, "PASSWORD_FILE": false, "AWS_ACCESS_KEY_ID": false, "secretName": false, "user": false, "tokenizer": false, "a password/": false,
	} {
		if got := SecretName(name); got != want {
			t.Errorf("SecretName(%q) = %t", name, got)
		}
	}
}

func TestEmbedded(t *testing.T) {
	parts := Embedded([]byte("mysql://app:" + password + "@db/shop"))
	if len(parts) != 1 || string(parts[0].Text) != password {
		t.Errorf("got %v", parts)
	}
	if parts := Embedded([]byte("--feature=enabled --other")); len(parts) != 0 {
		t.Errorf("got %v", parts)
	}
}

func FuzzParts(f *testing.F) {
	f.Add("", ".env", []byte("A=b\nPASSWORD: |\n  long enough for it\n"))
	f.Add(typeDockerConfig, ".dockerconfigjson", []byte(`{"auths":{"r":{"auth":"dXNlcjpwYXNzd29yZA=="}}}`))
	f.Add("", "kubeconfig", []byte("users:\n- user: {token: abcdefghijk}\n"))
	f.Add("", "url", []byte("x://u:p%zz@h password=\"unterminated"))
	f.Add("", "pem", []byte(crtPEM+keyPEM))
	f.Fuzz(func(t *testing.T, secretType, key string, value []byte) {
		parts := Parts(secretType, key, value)
		if len(parts) > MaxParts {
			t.Fatalf("%d parts", len(parts))
		}
		if Public(secretType, key) == "" && Unfit(value) == "" && (len(parts) == 0 || !bytes.Equal(parts[0].Text, value)) {
			t.Fatalf("the value %q is not the first of %v", value, parts)
		}
		for _, p := range parts {
			if Unfit(p.Text) != "" {
				t.Fatalf("the part %q: %s", p.Text, Unfit(p.Text))
			}
		}
	})
}
