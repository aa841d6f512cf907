package sessiontoken

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var issued = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func keyOf(seed byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
}

func public(key ed25519.PrivateKey) ed25519.PublicKey {
	return key.Public().(ed25519.PublicKey)
}

func claims() Claims {
	return Claims{
		ID: "id", Session: "session", Namespace: "shop", Username: "dev", Pod: "web", PodUID: "uid", Container: "app",
		Subresource: "exec", CommandDigest: "sha256:00",
	}
}

func signed(t *testing.T, c Claims) string {
	t.Helper()
	token, err := Sign(keyOf(1), c, issued)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// forge signs any payload with the right key: what Sign would never write.
func forge(payload string) string {
	encode := base64.RawURLEncoding.EncodeToString
	return prefix + encode([]byte(payload)) + "." + encode(ed25519.Sign(keyOf(1), append([]byte(purpose), payload...)))
}

func times(iat, exp time.Time) string {
	c := claims()
	c.IssuedAt, c.ExpiresAt = iat.Unix(), exp.Unix()
	b, _ := json.Marshal(c)
	return forge(string(b))
}

func TestVerifyReturnsWhatWasSigned(t *testing.T) {
	want := claims()
	want.IssuedAt, want.ExpiresAt = issued.Unix(), issued.Add(Lifetime).Unix()
	got, err := Verify(public(keyOf(1)), signed(t, claims()), issued)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestVerifyRefuses(t *testing.T) {
	good := signed(t, claims())
	payload, signature, _ := strings.Cut(strings.TrimPrefix(good, prefix), ".")
	without := func(change func(*Claims)) string {
		c := claims()
		change(&c)
		return signed(t, c)
	}
	tests := map[string]struct {
		token string
		key   ed25519.PublicKey
		now   time.Time
		want  error
	}{
		"if it is empty, then malformed":                        {token: "", want: ErrMalformed},
		"if it has no version, then malformed":                  {token: payload + "." + signature, want: ErrMalformed},
		"if it is of another version, then malformed":           {token: "v2." + payload + "." + signature, want: ErrMalformed},
		"if it has no signature, then malformed":                {token: prefix + payload, want: ErrMalformed},
		"if the signature is empty, then not signed":            {token: prefix + payload + ".", want: ErrSignature},
		"if the payload is empty, then not signed":              {token: prefix + "." + signature, want: ErrSignature},
		"if the payload is not base64, then malformed":          {token: prefix + "!" + "." + signature, want: ErrMalformed},
		"if the signature is not base64, then malformed":        {token: prefix + payload + ".!", want: ErrMalformed},
		"if the base64 has padding, then malformed":             {token: good + "=", want: ErrMalformed},
		"if a line break is inside, then malformed or unsigned": {token: prefix + payload + ".\n" + signature, want: ErrMalformed},
		"if it is very long, then malformed":                    {token: prefix + strings.Repeat("A", maxLength) + "." + signature, want: ErrMalformed},
		"if there is something after it, then not signed":       {token: good + "AAAA", want: ErrSignature},
		"if another key signed it, then not signed":             {token: good, key: public(keyOf(2)), want: ErrSignature},
		"if there is no key, then not signed":                   {token: good, key: ed25519.PublicKey{}, want: ErrSignature},
		"if the payload was changed, then not signed": {
			token: prefix + base64.RawURLEncoding.EncodeToString([]byte(`{"id":"x"}`)) + "." + signature, want: ErrSignature,
		},
		"if the signature is of other words, then not signed": {
			token: prefix + payload + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(keyOf(1), []byte(payload))), want: ErrSignature,
		},
		"if the payload is no object, then malformed":           {token: forge(`[]`), want: ErrMalformed},
		"if the payload is cut short, then malformed":           {token: forge(`{"id":`), want: ErrMalformed},
		"if it has expired beyond the skew, then expired":       {token: good, now: issued.Add(Lifetime + Skew), want: ErrExpired},
		"if it comes from the future, then expired":             {token: good, now: issued.Add(-Skew - time.Second), want: ErrExpired},
		"if it claims to live longer than any, then expired":    {token: times(issued, issued.Add(time.Hour)), want: ErrExpired},
		"if its times are turned round, then expired":           {token: times(issued.Add(Lifetime), issued.Add(-time.Hour)), want: ErrExpired},
		"if its times are missing, then expired":                {token: forge(`{"id":"a","session":"s"}`), want: ErrExpired},
		"if it has no ID, then malformed":                       {token: without(func(c *Claims) { c.ID = "" }), want: ErrMalformed},
		"if its ID is too long for the session, then malformed": {token: without(func(c *Claims) { c.ID = strings.Repeat("x", 65) }), want: ErrMalformed},
		"if it names no session, then malformed":                {token: without(func(c *Claims) { c.Session = "" }), want: ErrMalformed},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if tc.key == nil {
				tc.key = public(keyOf(1))
			}
			if tc.now.IsZero() {
				tc.now = issued
			}
			c, err := Verify(tc.key, tc.token, tc.now)
			if !errors.Is(err, tc.want) || c != (Claims{}) {
				t.Errorf("got %+v, %v, want %v", c, err, tc.want)
			}
		})
	}
}

func TestTheSecondsOfValidity(t *testing.T) {
	token := signed(t, claims())
	for name, now := range map[string]time.Time{
		"if the clock is behind by the skew, then it is valid":        issued.Add(-Skew),
		"if it is the last second with the skew, then it is valid":    issued.Add(Lifetime + Skew - time.Second),
		"if the clocks agree, then it is valid":                       issued.Add(Lifetime / 2),
		"if the clocks differ by parts of a second, then it is valid": issued.Add(-Skew + 100*time.Millisecond),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Verify(public(keyOf(1)), token, now); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestSignRefusesWhatIsTooLong(t *testing.T) {
	c := claims()
	c.Username = strings.Repeat("x", maxLength)
	if token, err := Sign(keyOf(1), c, issued); err == nil {
		t.Errorf("signed %d bytes", len(token))
	}
}

// Every field that describes the request has to be compared: a new field is compared by being there.
func TestBindsComparesEveryFieldOfTheRequest(t *testing.T) {
	ignored := map[string]bool{"ID": true, "Session": true, "IssuedAt": true, "ExpiresAt": true}
	fields := reflect.TypeFor[Claims]()
	for i := range fields.NumField() {
		field := fields.Field(i)
		t.Run(field.Name, func(t *testing.T) {
			other := claims()
			switch v := reflect.ValueOf(&other).Elem().Field(i); v.Kind() {
			case reflect.String:
				v.SetString("other")
			default:
				v.SetInt(1)
			}
			err := claims().Binds(other)
			if ignored[field.Name] && err != nil {
				t.Errorf("the request does not have this field: %v", err)
			}
			if !ignored[field.Name] && !errors.Is(err, ErrBinding) {
				t.Errorf("got %v for a request that differs in %s", err, field.Name)
			}
		})
	}
}

func FuzzVerify(f *testing.F) {
	token, err := Sign(keyOf(1), claims(), issued)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(token)
	f.Add("v1..")
	f.Add(forge("{}"))
	f.Fuzz(func(t *testing.T, s string) {
		c, err := Verify(public(keyOf(1)), s, issued)
		if err != nil {
			if c != (Claims{}) {
				t.Errorf("claims with an error: %+v", c)
			}
			return
		}
		if s != token {
			t.Errorf("accepted a token that nobody signed: %q", s)
		}
	})
}

func FuzzSignAndVerify(f *testing.F) {
	f.Add("id", "session", "shop", "dev", "web")
	f.Add("é", "\x00", "\"", "<>&", "\u2028")
	f.Fuzz(func(t *testing.T, id, session, namespace, user, pod string) {
		want := Claims{ID: id, Session: session, Namespace: namespace, Username: user, Pod: pod}
		token, err := Sign(keyOf(1), want, issued)
		if err != nil {
			return
		}
		got, err := Verify(public(keyOf(1)), token, issued)
		if err != nil {
			if id != "" && len(id) <= 64 && session != "" && !errors.Is(err, ErrMalformed) {
				t.Errorf("%v", err)
			}
			return
		}
		if valid(want) && got.Binds(want) != nil {
			t.Errorf("signed %+v, got %+v", want, got)
		}
	})
}

// valid reports whether JSON carries the strings unchanged.
func valid(c Claims) bool {
	b, _ := json.Marshal(c)
	var back Claims
	return json.Unmarshal(b, &back) == nil && back == c
}
