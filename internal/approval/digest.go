package approval

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
)

// Digest is "sha256:" and the hex SHA-256 of the JSON object {"name", "namespace", "spec", "uid"} of the grant, with
// the keys of every object sorted by bytes, no white space, times in UTC with whole seconds, and in strings no escapes
// but those that JSON demands and those of U+2028 and U+2029. It is empty, and approves nothing, where there is no grant
// or it cannot be encoded.
func Digest(grant *accessv1alpha1.ExecutionGrant) string {
	if grant == nil {
		return ""
	}
	encoded, err := canonical(map[string]any{
		"namespace": grant.Namespace, "name": grant.Name, "uid": string(grant.UID), "spec": grant.Spec,
	})
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(encoded)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// canonical encodes v twice: Go keeps the order of a struct's fields but sorts the keys of maps, and the order of
// fields in the source may not matter.
func canonical(v any) ([]byte, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var plain any
	if err := dec.Decode(&plain); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(plain); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}

// matches says whether the digest is that of the grant.
func matches(digest string, grant *accessv1alpha1.ExecutionGrant) bool {
	return digest != "" && digest == Digest(grant)
}
