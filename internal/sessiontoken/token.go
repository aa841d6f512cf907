// Package sessiontoken makes and checks the token by which a proxy proves to the CONNECT webhook that it
// records the very connection it is about to open.
//
// A token is "v1." base64url(payload) "." base64url(signature): the payload is the JSON of Claims, the
// signature is Ed25519 (RFC 8032) over "sallyport session token v1\x00" and the payload. It travels in one
// extra value of the impersonated user (layout.ExtraSessionToken), and so ends up in audit logs. It is worthless
// there: it is valid for seconds, for one user, one pod UID, one container, one subresource and one argument
// vector, and the webhook accepts an ID once only, by a compare-and-swap on the ExecutionSession that Claims
// names. Signing alone is not enough: whoever may impersonate with that extra could replay it within its
// seconds, which the compare-and-swap forbids.
package sessiontoken

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

const (
	prefix  = "v1."
	purpose = "sallyport session token v1\x00"

	// Lifetime is how long a token is valid: the time from the proxy's dial to the webhook's answer.
	Lifetime = 20 * time.Second
	// Skew is how far the clocks of proxy and webhook may differ.
	Skew = 10 * time.Second

	maxLength = 4096
)

// Claims are what a token says. Two claims are equal for the webhook only if every field but the times is.
type Claims struct {
	// ID is unique to the token, at most 64 characters.
	ID string `json:"id"`
	// Session is the name of the ExecutionSession in Namespace.
	Session   string `json:"session"`
	Namespace string `json:"namespace"`
	// Username is the impersonated user.
	Username string `json:"username"`
	Pod      string `json:"pod"`
	PodUID   string `json:"podUID"`
	// Container is the container's name, resolved.
	Container string `json:"container"`
	// Subresource is exec, attach or portforward.
	Subresource string `json:"subresource"`
	// CommandDigest is authorizer.CommandKey.Digest of the argument vector.
	CommandDigest string `json:"commandDigest"`
	// IssuedAt and ExpiresAt are Unix seconds.
	IssuedAt  int64 `json:"iat"`
	ExpiresAt int64 `json:"exp"`
}

// The ways in which a token can be wrong.
var (
	ErrMalformed = errors.New("session token is malformed")
	ErrSignature = errors.New("session token was not signed by this installation")
	ErrExpired   = errors.New("session token is outside its seconds of validity")
	ErrBinding   = errors.New("session token was made for another request")
)

// Sign issues a token for c, valid from now for Lifetime.
func Sign(key ed25519.PrivateKey, c Claims, now time.Time) (string, error) {
	c.IssuedAt = now.Unix()
	c.ExpiresAt = now.Add(Lifetime).Unix()
	payload, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("encoding session token: %w", err)
	}
	signature := ed25519.Sign(key, append([]byte(purpose), payload...))
	encode := base64.RawURLEncoding.EncodeToString
	token := prefix + encode(payload) + "." + encode(signature)
	if len(token) > maxLength {
		return "", fmt.Errorf("encoding session token: %d bytes, more than %d", len(token), maxLength)
	}
	return token, nil
}

// Verify checks signature and times, and returns the claims. The caller compares them with the request
// (Claims.Binds) and consumes the ID.
func Verify(key ed25519.PublicKey, token string, now time.Time) (Claims, error) {
	payload, signature, err := split(token)
	if err != nil {
		return Claims{}, err
	}
	if len(key) != ed25519.PublicKeySize || !ed25519.Verify(key, append([]byte(purpose), payload...), signature) {
		return Claims{}, ErrSignature
	}
	var c Claims
	if err := json.Unmarshal(payload, &c); err != nil {
		return Claims{}, ErrMalformed
	}
	if now.Add(Skew).Unix() < c.IssuedAt || now.Add(-Skew).Unix() >= c.ExpiresAt || c.ExpiresAt-c.IssuedAt > int64(Lifetime/time.Second) {
		return Claims{}, ErrExpired
	}
	if c.ID == "" || len(c.ID) > 64 || c.Session == "" {
		return Claims{}, ErrMalformed
	}
	return c, nil
}

func split(token string) (payload, signature []byte, err error) {
	body, ok := strings.CutPrefix(token, prefix)
	// The decoder skips line breaks, even a strict one: one token would have many spellings.
	if !ok || len(token) > maxLength || strings.ContainsAny(token, "\r\n") {
		return nil, nil, ErrMalformed
	}
	p, s, ok := strings.Cut(body, ".")
	if !ok {
		return nil, nil, ErrMalformed
	}
	decode := base64.RawURLEncoding.Strict().DecodeString
	if payload, err = decode(p); err != nil {
		return nil, nil, ErrMalformed
	}
	if signature, err = decode(s); err != nil {
		return nil, nil, ErrMalformed
	}
	return payload, signature, nil
}

// Binds reports ErrBinding unless c was made for the request that want describes (its ID, Session and times
// are not compared).
func (c Claims) Binds(want Claims) error {
	want.ID, want.Session, want.IssuedAt, want.ExpiresAt = c.ID, c.Session, c.IssuedAt, c.ExpiresAt
	if c != want {
		return ErrBinding
	}
	return nil
}
