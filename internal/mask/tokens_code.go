package mask

// codeTokens are of code hosts, continuous integration and package registries.
func codeTokens() []rule {
	return []rule{
		// page: github.blog/changelog/2021-03-31-authentication-token-format-updates-are-generally-available
		token("github-token", dotted, 20, "ghp_", "gho_", "ghu_", "ghs_", "ghr_"),
		// seen: GitHub
		token("github-fine-grained-token", word, 20, "github_pat_"),
		// page: docs.gitlab.com/security/tokens/#token-prefixes; "GR1348941" is seen
		token("gitlab-token", dotted, 16, "glpat-", "gloas-", "gldt-", "glrt-", "glrtr-", "glcbt-", "glptt-", "glft-", "glimt-",
			"glagent-", "glwt-", "glsoat-", "glffct-", "GR1348941").revised(),
		// page: community.atlassian.com, "Can we confirm BitBucket's token prefixes?", answer of the vendor
		token("atlassian-token", "A-Za-z0-9_=-", 24, "ATATT3x", "ATCTT3x").not64(),
		sized("atlassian-token", alnum, 32, "ATBB").not64(),
		// page: sourcegraph.com/docs/cli/references/auth
		token("sourcegraph-token", word, 40, "sgp_").varied(),
		// page: circleci.com/changelog/new-format-for-api-access-tokens
		token("circleci-token", word, 40, "CCIPAT_", "CCIPRJ_"),
		// page: buildkite.com/docs/platform/security/tokens
		token("buildkite-token", dotted, 20, "bkua_", "bkaa_", "bkaj_", "bkar_", "bkct_").varied(),
		// seen: HashiCorp Terraform
		token("terraform-cloud-token", base64, 40, ".atlasv1.").anywhere(),
		// seen: Pulumi
		sized("pulumi-token", hexa, 40, "pul-"),
		// Octopus Deploy
		token("octopus-api-key", upper, 25, "API-"),
		// page: github.com/SonarSource/sonarqube, TokenType.java and TokenGeneratorImpl.java
		sized("sonarqube-token", hexa, 40, "sqp_", "squ_", "sqa_", "sqb_").revised(),
		// page: github.com/snyk/cli, test/jest/util/createPAT.ts
		token("snyk-token", dotted, 40, "snyk_uat.", "snyk_sat."),

		// page: github.blog/2021-09-23-announcing-npms-new-access-token-format
		token("npm-token", alnum, 20, "npm_"),
		// npm: base64 of user:password in .npmrc
		token("npm-auth", std64, 8, ":_auth=").anywhere(),
		// page: github.com/pypi/warehouse, security-policy-flow.md
		token("pypi-token", base64, 16, "pypi-AgE"),
		// page: github.com/rubygems/rubygems.org, api_keyable.rb
		sized("rubygems-key", hexa, 48, "rubygems_"),
		// page: github.com/NuGet/NuGetGallery, ApiKeyV4.cs: base32 of "v4…"; the length is seen
		sized("nuget-key", "a-z0-9", 43, "oy2").not64(),
		// page: github.com/rust-lang/crates.io, utils/token.rs and access_token.rs
		sized("crates-io-token", alnum, 32, "cio").not64(),
		sized("crates-io-token", alnum, 32, "cio_tp_"),
		// seen: Docker Hub, personal tokens
		token("docker-hub-token", base64, 20, "dckr_pat_", "dckr_oat_"),
		// Docker: base64 of user:password in config.json
		token("docker-auth", std64, 12, `"auth":"`, `"auth": "`, `"auth":  "`, `\"auth\":\"`, `\"auth\": \"`).varied().anywhere(),
		// page: github.com/clojars/clojars-web, db.clj
		token("clojars-token", hexa, 40, "CLOJARS_"),
		// seen: JFrog: API keys; reference tokens are base64 of "reftkn:"
		sized("artifactory-token", base64, 69, "AKCp").not64().revised(),
		token("artifactory-token", base64, 48, "cmVmdGtu").not64(),
	}
}
