package mask

// accessTokens are of secret stores, identity providers, networks and the tools that run infrastructure.
func accessTokens() []rule {
	return []rule{
		// developer.hashicorp.com/vault/docs/concepts/tokens
		token("vault-token", base64, 16, "hvs.", "hvb.", "hvr."),
		// docs.doppler.com/reference/auth-token-formats
		token("doppler-token", dotted, 40, "dp.pt.", "dp.st.", "dp.ct.", "dp.sa.", "dp.said.", "dp.scim.", "dp.audit."),
		// developer.1password.com/docs/service-accounts/security, support.1password.com/secret-key-security
		token("1password-token", "A-Za-z0-9_=-", 40, "ops_eyJ"),
		sized("1password-token", "A-Z0-9-", 37, "A3-"),
		// github.com/FiloSottile/age: README
		token("age-secret-key", "A-Z0-9", 20, "AGE-SECRET-KEY-1", "AGE-SECRET-KEY-PQ-1"),

		// developer.okta.com/docs/reference/core-okta-api/#authentication
		token("okta-api-token", base64, 30, "SSWS ").varied(),
		// ory.sh/docs/concepts/personal-access-token
		token("ory-token", base64, 20, "ory_at_", "ory_rt_", "ory_st_", "ory_pat_", "ory_ac_").varied(),
		// stytch.com/docs/api/authentication
		token("stytch-secret", "A-Za-z0-9_=-", 30, "secret-live-", "secret-test-").varied(),

		// docs.redhat.com, OpenShift, OAuthAccessToken
		token("openshift-token", base64, 40, "sha256~"),
		// ranchermanager.docs.rancher.com/api/api-tokens
		sized("rancher-token", "a-z0-9:", 60, "token-"),
		// docs.k3s.io/cli/token
		token("k3s-token", "a-z0-9:", 64, "K10"),
		// docs.portainer.io/api/access
		token("portainer-token", "A-Za-z0-9+/=", 40, "ptr_").varied(),
		// tailscale.com/kb/1277/key-prefixes
		token("tailscale-key", "A-Za-z0-9-", 20, "tskey-auth-", "tskey-api-", "tskey-client-", "tskey-scim-", "tskey-webhook-").varied(),
		// docs.netbird.io/how-to/access-netbird-public-api
		token("netbird-token", alnum, 30, "nbp_").varied(),
		// docs.prefect.io/v3/how-to-guides/cloud/manage-users/api-keys
		sized("prefect-api-key", alnum, 36, "pnu_", "pnb_"),
		// docs.getdbt.com/docs/dbt-cloud-apis/user-tokens
		token("dbt-cloud-token", base64, 30, "dbtc_", "dbtu_").varied(),
	}
}
