package mask

// cloudTokens are of cloud providers, hosting platforms and databases.
func cloudTokens() []rule {
	return []rule{
		// docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
		token("aws-access-key-id", upper, 16, "AKIA", "ASIA", "ABIA", "ACCA"),
		// docs.aws.amazon.com/bedrock/latest/userguide/api-keys.html
		token("aws-bedrock-key", std64, 64, "ABSK", "bedrock-api-key-").varied().not64(),
		// docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html, cloud.google.com/storage/docs/access-control/signed-urls
		token("presigned-url", hexa, 32, "X-Amz-Signature=", "X-Goog-Signature="),
		// cloud.google.com/docs/authentication/api-keys: always 39 bytes
		token("google-api-key", base64, 35, "AIza").not64().revised(),
		// developers.google.com/identity/protocols/oauth2: client secret, access token, refresh token
		token("google-oauth", base64, 16, "GOCSPX-", "ya29."),
		token("google-oauth", base64, 40, "1//0").varied(),
		// learn.microsoft.com/purview/sit-defn-azure-ad-client-secret
		token("azure-client-secret", "A-Za-z0-9_.~-", 31, "7Q~", "8Q~").anywhere(),
		// learn.microsoft.com/rest/api/storageservices/create-service-sas
		token("azure-sas-signature", "A-Za-z0-9%+/=", 40, "?sig=", "&sig=", `\u0026sig=`).varied().anywhere(),
		// alibabacloud.com/help/en/ram/user-guide/create-an-accesskey-pair
		token("alibaba-access-key-id", alnum, 16, "LTAI").varied().not64(),
		// cloud.tencent.com/document/product/598/40488
		sized("tencent-secret-id", alnum, 32, "AKID").not64(),
		// yandex.cloud/docs/security/operations/search-secrets
		token("yandex-cloud-token", "A-Za-z0-9_.=-", 60, "t1.9eu", "c1.9eu").varied(),
		token("yandex-cloud-token", base64, 35, "AQVN").varied().not64(),
		sized("yandex-cloud-token", base64, 38, "YC").not64(),
		// docs.digitalocean.com/reference/api/create-personal-access-token
		token("digitalocean-token", hexa, 16, "dop_v1_", "doo_v1_", "dor_v1_"),
		// developers.cloudflare.com/fundamentals/api/get-started/token-formats, …/ca-keys
		token("cloudflare-token", alnum, 40, "cfk_", "cfut_", "cfat_"),
		token("cloudflare-token", uuid, 60, "v1.0-"),
		// developers.cloudflare.com/cloudflare-one: a tunnel's token is base64 of {"a":"…
		token("cloudflare-tunnel-token", std64, 60, "eyJhIjoi"),
		// devcenter.heroku.com/articles/authentication
		token("heroku-api-key", base64, 30, "HRKU-"),
		// vercel.com/changelog/new-token-formats-and-secret-scanning
		token("vercel-token", base64, 24, "vcp_", "vci_", "vca_", "vcr_", "vck_").varied(),
		// answers.netlify.com/t/change-to-the-netlify-authentication-token-format/106146
		token("netlify-token", alnum, 30, "nfp_", "nfc_", "nfo_", "nfu_", "nfb_").varied(),
		// api-docs.render.com/reference/authentication
		token("render-api-key", alnum, 24, "rnd_").varied(),
		// fly.io/docs/security/tokens
		token("fly-io-token", "A-Za-z0-9+/=_-", 40, "fo1_", "fm1r_", "fm1a_", "fm2_").varied(),
		// upcloud.com/docs/guides/getting-started-upcloud-api
		token("upcloud-token", alnum, 20, "ucat_").varied(),

		// supabase.com/docs/guides/api/api-keys; of the publishable key, nothing
		token("supabase-key", base64, 20, "sbp_", "sb_secret_").varied(),
		// planetscale.com/docs/api/reference/service-tokens
		token("planetscale-token", "A-Za-z0-9_.=-", 30, "pscale_tkn_", "pscale_pw_", "pscale_oauth_").varied(),
		// neon.com/docs/manage/api-keys
		token("neon-api-key", alnum, 40, "napi_").varied(),
		// docs.databricks.com/dev-tools/auth/pat, …/oauth-m2m
		sized("databricks-token", hexa, 32, "dapi", "dose"),
		// mongodb.com/docs/atlas/api/service-accounts-overview
		token("mongodb-atlas-secret", base64, 30, "mdb_sa_sk_").varied(),
		// docs.confluent.io/cloud/current/security/authenticate/workload-identities/service-accounts/api-keys/overview.html
		sized("confluent-secret", "A-Za-z0-9+/", 60, "cflt").not64(),
		// aiven.io/docs/tools/cli/service/user
		token("aiven-password", base64, 16, "AVNS_"),
		// cockroachlabs.com/docs/cockroachcloud/managing-access
		token("cockroachdb-cloud-key", word, 40, "CCDB1_"),
		// xata.io/docs/concepts/api-keys
		token("xata-api-key", alnum, 30, "xau_").varied(),
		// docs.pinecone.io/guides/projects/manage-api-keys
		token("pinecone-api-key", word, 30, "pcsk_").varied(),
	}
}
