package mask

// codeTokens are of code hosts, continuous integration and package registries.
func codeTokens() []rule {
	return []rule{
		// docs.github.com/authentication/keeping-your-account-and-data-secure/about-authentication-to-github
		token("github-token", dotted, 20, "ghp_", "gho_", "ghu_", "ghs_", "ghr_"),
		token("github-fine-grained-token", word, 20, "github_pat_"),
		// docs.gitlab.com/security/tokens/#token-prefixes
		token("gitlab-token", dotted, 16, "glpat-", "gloas-", "gldt-", "glrt-", "glrtr-", "glcbt-", "glptt-", "glft-", "glimt-",
			"glagent-", "glwt-", "glsoat-", "glffct-", "GR1348941").revised(),
		// community.atlassian.com, "Can we confirm BitBucket's token prefixes?", answer of the vendor
		token("atlassian-token", "A-Za-z0-9_=-", 24, "ATATT3x", "ATCTT3x", "ATBB").not64(),
		// sourcegraph.com/docs/cli/how-tos/creating_an_access_token
		token("sourcegraph-token", word, 40, "sgp_").varied(),
		// circleci.com/changelog/new-format-for-api-access-tokens
		token("circleci-token", word, 40, "CCIPAT_", "CCIPRJ_"),
		// buildkite.com/docs/platform/security/tokens
		token("buildkite-token", dotted, 20, "bkua_", "bkaa_", "bkaj_", "bkar_", "bkct_").varied(),
		// developer.hashicorp.com/terraform/cloud-docs/users-teams-organizations/api-tokens
		token("terraform-cloud-token", base64, 40, ".atlasv1.").anywhere(),
		// pulumi.com/docs/administration/access-identity/access-tokens
		sized("pulumi-token", hexa, 40, "pul-"),
		// octopus.com/docs/octopus-rest-api/how-to-create-an-api-key
		token("octopus-api-key", upper, 25, "API-"),
		// docs.sonarsource.com/sonarqube-server/user-guide/managing-tokens
		sized("sonarqube-token", hexa, 40, "sqp_", "squ_", "sqa_"),
		// docs.snyk.io/snyk-api/authentication-for-api
		token("snyk-token", dotted, 40, "snyk_uat.", "snyk_sat."),

		// docs.npmjs.com/about-access-tokens
		token("npm-token", alnum, 20, "npm_"),
		token("npm-auth", std64, 8, ":_auth=").anywhere(),
		// pypi.org/help/#apitoken
		token("pypi-token", base64, 16, "pypi-AgE"),
		// guides.rubygems.org/api-key-scopes
		sized("rubygems-key", hexa, 48, "rubygems_"),
		// learn.microsoft.com/nuget/nuget-org/publish-a-package
		sized("nuget-key", "a-z0-9", 43, "oy2").not64(),
		// doc.rust-lang.org/cargo/reference/publishing.html
		sized("crates-io-token", alnum, 32, "cio").not64(),
		// docs.docker.com/security/access-tokens
		token("docker-hub-token", base64, 20, "dckr_pat_", "dckr_oat_"),
		// docs.docker.com/reference/cli/docker/login: base64 of user:password in config.json
		token("docker-auth", std64, 12, `"auth":"`, `"auth": "`, `"auth":  "`, `\"auth\":\"`, `\"auth\": \"`).varied().anywhere(),
		// github.com/clojars/clojars-web/wiki/Deploy-Tokens
		token("clojars-token", hexa, 40, "CLOJARS_"),
		// jfrog.com/help, "Introduction to access tokens": API keys; reference tokens are base64 of "reftkn:"
		token("artifactory-token", alnum, 48, "AKCp", "cmVmdGtu").not64(),
	}
}
