package proxy

import (
	"net/http"
	"strings"
)

// asksUpgrade reports whether a request asks, in any spelling, to leave plain HTTP. It errs towards yes: a
// stray Upgrade header alone is one.
func asksUpgrade(r *http.Request) bool {
	for name, values := range r.Header {
		switch strings.ToLower(name) {
		case "upgrade", ":protocol", "http2-settings":
			return true
		case "connection", "proxy-connection":
			if strings.Contains(strings.ToLower(strings.Join(values, ",")), "upgrade") {
				return true
			}
		default:
		}
	}
	return false
}

// withoutClaims removes every header by which a request could claim an identity, a route or a protocol that
// the gateway has not given it.
func withoutClaims(h http.Header) {
	for name := range h {
		if isClaim(strings.ToLower(name)) {
			delete(h, name)
		}
	}
}

func isClaim(name string) bool {
	switch name {
	case "authorization", "proxy-authorization", "cookie", "forwarded", "x-real-ip", "x-original-url", "x-rewrite-url",
		"upgrade", "http2-settings":
		return true
	}
	for _, prefix := range []string{"x-remote-", "impersonate-", "x-forwarded-", "sec-websocket-", "x-stream-protocol-"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return strings.HasPrefix(name, ":")
}
