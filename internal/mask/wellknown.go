package mask

const (
	alnum  = "A-Za-z0-9"
	base64 = "A-Za-z0-9_-" // the URL-safe alphabet
)

// token is a rule for a literal followed by a run of one class.
func token(name, set string, decide int, literals ...string) rule {
	return rule{
		name: name, version: 1, kind: kindToken, literals: literals, exact: true, boundary: true,
		class: newClass(set), decide: decide,
	}
}

// wellKnown is the fixed set of this form. Lengths are of the shapes that the
// issuers document, shortened to where a decision is safe: a longer run is still
// one secret.
func wellKnown() []rule {
	google := token("google-api-key", base64, 35, "AIza") // always 39 bytes
	google.version, google.notIn64 = 2, true
	openai := token("openai-api-key", base64, 20, "sk-")
	openai.mixed = true // else "sk-learn-…" and its like
	bearer := token("bearer-token", "A-Za-z0-9._~+/=-", 16, "bearer ")
	bearer.exact, bearer.mixed = false, true
	return append([]rule{
		token("aws-access-key-id", "A-Z0-9", 16, "AKIA", "ASIA", "ABIA", "ACCA"),
		token("github-token", "A-Za-z0-9_.-", 20, "ghp_", "gho_", "ghu_", "ghs_", "ghr_"),
		token("github-fine-grained-token", "A-Za-z0-9_", 20, "github_pat_"),
		token("gitlab-token", "A-Za-z0-9_.-", 16, "glpat-", "gldt-", "glrt-", "glcbt-", "glptt-", "glft-", "glsoat-", "glagent-"),
		token("slack-token", "A-Za-z0-9-", 10, "xoxb-", "xoxp-", "xoxa-", "xoxr-", "xoxs-", "xoxe-", "xoxe.", "xapp-"),
		token("slack-webhook", "A-Za-z0-9/", 8, "hooks.slack.com/services/"),
		token("stripe-key", alnum, 10, "sk_live_", "sk_test_", "rk_live_", "rk_test_", "whsec_"),
		google,
		token("google-oauth", base64, 16, "GOCSPX-", "ya29."),
		token("npm-token", alnum, 20, "npm_"),
		token("pypi-token", base64, 16, "pypi-AgE"),
		token("anthropic-api-key", base64, 16, "sk-ant-"),
		openai,
		token("sendgrid-key", "A-Za-z0-9_.-", 16, "SG."),
		token("vault-token", base64, 16, "hvs.", "hvb.", "hvr."),
		token("digitalocean-token", "a-f0-9", 16, "dop_v1_", "doo_v1_", "dor_v1_"),
		token("huggingface-token", alnum, 20, "hf_"),
		bearer,
		{name: "jwt", version: 1, kind: kindJWT, literals: []string{"eyJ"}, exact: true, boundary: true},
		{name: "url-credentials", version: 1, kind: kindURL, literals: []string{"://"}},
		{name: "private-key", version: 1, kind: kindPEM, exact: true, literals: []string{
			"-----BEGIN PRIVATE KEY-----", "-----BEGIN RSA PRIVATE KEY-----", "-----BEGIN EC PRIVATE KEY-----",
			"-----BEGIN DSA PRIVATE KEY-----", "-----BEGIN OPENSSH PRIVATE KEY-----",
			"-----BEGIN ENCRYPTED PRIVATE KEY-----", "-----BEGIN PGP PRIVATE KEY BLOCK-----",
		}},
		{name: "card-number", version: 1, kind: kindCard, opens: cardOpening},
		{name: "iban", version: 1, kind: kindIBAN, opens: ibanOpening},
	}, assignments()...)
}

// assignments are the names after which a separator and a value make a secret.
// A name may be the end of a longer one: "password" is found in DB_PASSWORD.
func assignments() []rule {
	of := func(name string, literals ...string) rule {
		return rule{name: name, version: 1, kind: kindAssignment, literals: literals}
	}
	flag := of("assignment", "--password ", "--passwd ", "--passphrase ", "--token ", "--secret ", "--api-key ", "--apikey ",
		"--access-key ", "--secret-key ", "--client-secret ")
	flag.value = true
	pwd := of("assignment", "pwd")
	pwd.boundary, pwd.noPath = true, true // PWD and OLDPWD are in every environment
	header := of("authorization", "authorization")
	header.scheme = true
	return []rule{
		of("aws-secret-access-key", "aws_secret_access_key", "secret_access_key", "secretaccesskey"),
		header,
		of("assignment", "password", "passwd", "passphrase", "secret", "token", "api_key", "apikey", "api-key",
			"access_key", "accesskey", "access-key", "secret_key", "secretkey", "secret-key", "private_key", "privatekey",
			"account_key", "accountkey", "credential", "credentials"),
		pwd,
		flag,
	}
}
