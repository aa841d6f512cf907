package mask

// accessTokens are of secret stores, identity providers, networks and the tools that run infrastructure.
func accessTokens() []rule {
	return []rule{
		// page: developer.hashicorp.com/vault/docs/concepts/tokens
		token("vault-token", base64, 16, "hvs.", "hvb.", "hvr."),
		// seen: Doppler
		token("doppler-token", dotted, 40, "dp.pt.", "dp.st.", "dp.ct.", "dp.sa.", "dp.said.", "dp.scim.", "dp.audit."),
		// seen: 1Password, service accounts; its secret key is from memory
		token("1password-token", slashed, 40, "ops_eyJ").revised(),
		sized("1password-token", "A-Z0-9-", 37, "A3-"),
		// page: github.com/FiloSottile/age, README
		token("age-secret-key", "A-Z0-9", 20, "AGE-SECRET-KEY-1", "AGE-SECRET-KEY-PQ-1"),

		// page: developer.okta.com/docs/guides/create-an-api-token
		token("okta-api-token", base64, 30, "SSWS ").varied(),
		// page: ory.sh/docs, Hydra's security architecture and quickstart, personal access tokens: a dot in the middle
		token("ory-token", dotted, 20, "ory_at_", "ory_rt_", "ory_st_", "ory_pat_", "ory_ac_", "ory_apikey_").varied().revised(),
		// page: github.com/stytchauth/stytch-go, README
		token("stytch-secret", "A-Za-z0-9_=-", 30, "secret-live-", "secret-test-").varied(),

		// page: github.com/openshift/oauth-server, crypto/sha256.go
		token("openshift-token", base64, 40, "sha256~"),
		// Rancher
		sized("rancher-token", "a-z0-9:", 60, "token-"),
		// page: docs.k3s.io/cli/token
		token("k3s-token", "a-z0-9:", 64, "K10"),
		// page: github.com/portainer/portainer, apikey/service.go
		token("portainer-token", "A-Za-z0-9+/=", 40, "ptr_").varied(),
		// page: tailscale.com/kb/1277/key-prefixes
		token("tailscale-key", "A-Za-z0-9-", 20, "tskey-auth-", "tskey-api-", "tskey-client-", "tskey-scim-", "tskey-webhook-").varied(),
		// page: github.com/netbirdio/netbird, types/personal_access_token.go
		token("netbird-token", alnum, 30, "nbp_").varied(),
		// page: docs.prefect.io/v3/how-to-guides/cloud/troubleshoot-cloud
		sized("prefect-api-key", alnum, 36, "pnu_", "pnb_"),
		// dbt
		token("dbt-cloud-token", base64, 30, "dbtc_", "dbtu_").varied(),
	}
}
