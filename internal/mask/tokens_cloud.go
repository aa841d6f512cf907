package mask

// cloudTokens are of cloud providers, hosting platforms and databases.
func cloudTokens() []rule {
	return []rule{
		// seen: AWS, its table of prefixes
		token("aws-access-key-id", upper, 16, "AKIA", "ASIA", "ABIA", "ACCA"),
		// AWS Bedrock
		token("aws-bedrock-key", std64, 64, "bedrock-api-key-").varied().revised(),
		// page: docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html; Google's is from memory
		token("presigned-url", hexa, 32, "X-Amz-Signature=", "X-Goog-Signature="),
		// seen: Google, always 39 bytes
		sized("google-api-key", base64, 35, "AIza").not64().revised(),
		// seen: Google, access token and client secret; the refresh token is from memory
		token("google-oauth", base64, 16, "GOCSPX-", "ya29."),
		// page: learn.microsoft.com/purview/sit-defn-azure-ad-client-secret
		token("azure-client-secret", "A-Za-z0-9_.~-", 31, "7Q~", "8Q~").anywhere(),
		// page: learn.microsoft.com/training/modules/configure-storage-security/4-identify-uri-sas-parameters
		token("azure-sas-signature", "A-Za-z0-9%+/=", 40, "?sig=", "&sig=", `\u0026sig=`).varied().anywhere(),
		// seen: Alibaba Cloud
		sized("alibaba-access-key-id", alnum, 12, "LTAI").not64(),
		sized("alibaba-access-key-id", alnum, 20, "LTAI").not64(),
		// Tencent Cloud
		sized("tencent-secret-id", alnum, 32, "AKID").not64(),
		// page: yandex.cloud/docs/security/operations/search-secrets
		token("yandex-cloud-token", "A-Za-z0-9_.=-", 60, "t1.9eu", "c1.9eu").varied(),
		token("yandex-cloud-token", base64, 35, "AQVN").varied().not64(),
		sized("yandex-cloud-token", base64, 38, "YC").not64(),
		// page: docs.digitalocean.com/notes/2022/api-token-format
		token("digitalocean-token", hexa, 16, "dop_v1_", "doo_v1_", "dor_v1_"),
		// page: developers.cloudflare.com/fundamentals/api/get-started/token-formats, …/ca-keys
		token("cloudflare-token", alnum, 40, "cfk_", "cfut_", "cfat_"),
		token("cloudflare-token", uuid, 60, "v1.0-"),
		// Cloudflare: a tunnel's token is base64 of {"a":"…
		token("cloudflare-tunnel-token", std64, 60, "eyJhIjoi"),
		// page: devcenter.heroku.com/articles/oauth; "HRKU-AA" and 58 more is seen
		token("heroku-api-key", base64, 30, "HRKU-"),
		// page: vercel.com/changelog/new-token-formats-and-secret-scanning
		token("vercel-token", base64, 24, "vcp_", "vci_", "vca_", "vcr_", "vck_").varied(),
		// page: answers.netlify.com/t/change-to-the-netlify-authentication-token-format/106146
		token("netlify-token", alnum, 30, "nfp_", "nfc_", "nfo_", "nfu_", "nfb_").varied(),
		// Render
		token("render-api-key", alnum, 24, "rnd_").varied(),
		// page: github.com/superfly/macaroon, format.go
		token("fly-io-token", slashed, 40, "fo1_", "fm1r_", "fm1a_", "fm2_").varied(),
		// UpCloud
		token("upcloud-token", alnum, 20, "ucat_").varied(),

		// page: github.com/supabase/cli, access_token.go and apikeys.go; of the publishable key, nothing
		token("supabase-key", base64, 20, "sbp_", "sb_secret_").varied(),
		// page: planetscale.com/docs/tutorials, passwords; a service token is seen
		token("planetscale-token", "A-Za-z0-9_.=-", 30, "pscale_tkn_", "pscale_pw_", "pscale_oauth_").varied(),
		// Neon
		token("neon-api-key", alnum, 40, "napi_").varied(),
		// page: github.com/databricks/databricks-sdk-go, tests; the length is seen, "dose" is from memory
		sized("databricks-token", hexa, 32, "dapi", "dose"),
		// seen: MongoDB Atlas
		token("mongodb-atlas-secret", base64, 30, "mdb_sa_sk_").varied(),
		// page: docs.confluent.io/cloud/current/security/authenticate/workload-identities/service-accounts/api-keys/overview.html
		sized("confluent-secret", "A-Za-z0-9+/", 60, "cflt").not64(),
		// Aiven
		token("aiven-password", base64, 16, "AVNS_"),
		// page: cockroachlabs.com/docs/cockroachcloud/ccloud-reference
		token("cockroachdb-cloud-key", word, 40, "CCDB1_"),
		// Xata
		token("xata-api-key", alnum, 30, "xau_").varied(),
		// page: github.com/pinecone-io/pinecone-python-client, admin/api_keys.py
		token("pinecone-api-key", word, 30, "pcsk_").varied(),
	}
}
