package mask_test

import "strings"

// example is what a rule must find, marked, and what it must not.
type example struct{ yes, no []string }

// shaped is a token as the issuer's documentation shows it, with a body that is
// none: alone and in JSON. It is none without its body, nor within a word.
func shaped(begin, body string, no ...string) example {
	return example{
		yes: []string{begin + mark(body) + "\n", `{"key": "` + begin + mark(body) + `"}`},
		no:  append([]string{begin + " …", "x" + begin + body + "\n"}, no...),
	}
}

// sized is a token that is one only in this length.
func sized(begin, body string, no ...string) example {
	e := shaped(begin, body, no...)
	e.no = append(e.no, begin+body+body[:1], begin+body+"Z", begin+body[1:])
	return e
}

// inner is a token that is told by its middle.
func inner(begin, body string, no ...string) example {
	e := shaped(begin, body)
	e.no = append([]string{begin + " …"}, no...)
	return e
}

func (e example) and(yes ...string) example {
	e.yes = append(e.yes, yes...)
	return e
}

func (e example) but(no ...string) example {
	e.no = append(e.no, no...)
	return e
}

func hexed(n int) string { return strings.Repeat("0123456789abcdef", n/16+1)[:n] }

func lower(n int) string { return strings.ToLower(fake(n)) }

func fakeUUID() string { return strings.Repeat("0", 8) + "-feed-beef-cafe-" + hexed(12) }

// examples are for each rule.
var examples = map[string]example{
	// Code hosts, continuous integration, registries.
	"github-token": shaped("ghp_", fake(36), "ghp_short", "GHP_"+fake(36)).
		and("ghs_"+mark(fake(36))+" ", "https://x/?t=gho_"+mark(fake(36)), `{"log":"a\nghp_`+mark(fake(36))+`\n"}`),
	"github-fine-grained-token": shaped("github_pat_", fake(22)+"_"+fake(59), "github_path_"+fake(30)),
	"gitlab-token":              shaped("glpat-", fake(20), "glpat-x", "glpath-"+fake(20)).and("(glrt-"+mark(fake(20))+")", "GR1348941"+mark(fake(20))),
	"atlassian-token":           shaped("ATATT3x", "FfGF0"+fake(170)+"="+upper(8), "ATATT4x"+fake(60)).and("ATBB" + mark(fake(32))),
	"sourcegraph-token":         shaped("sgp_", hexed(16)+"_"+hexed(40), "sgp_local", "sgp_a_function_with_a_very_long_name_indeed"),
	"circleci-token":            shaped("CCIPAT_", fake(22)+"_"+hexed(40), "CCIPAT_TOKEN_OF_THE_PROJECT"),
	"buildkite-token":           shaped("bkua_", hexed(40), "bkua_access_token_of_the_user").and("bkct_" + mark(fake(54))),
	"terraform-cloud-token":     inner(".atlasv1.", fake(67), "app.atlasv1.example.com", ".atlasv1").and("AbCdEfGhIjKlMn.atlasv1." + mark(fake(67))),
	"pulumi-token":              sized("pul-", hexed(40), "pul-request-of-the-day"),
	"octopus-api-key":           shaped("API-", upper(26), "API-COMPATIBILITY", "REST-API-V2-REFERENCE-MANUAL-2026"),
	"sonarqube-token":           sized("squ_", hexed(40), "squ_id").and("sqp_"+mark(hexed(40)), "sqa_"+mark(hexed(40)), "sqb_"+mark(hexed(40))),
	"snyk-token":                shaped("snyk_uat.", hexed(8)+"."+fake(60), "snyk_uat.token"),
	"npm-token":                 shaped("npm_", fake(36), "npm_config_cache", "npm_execpath_and_other_things"),
	"npm-auth":                  inner(":_auth=", fake(24)+"==", "//registry.example.com/:_auth=", ":_auth=${AUTH}"),
	"pypi-token":                shaped("pypi-AgE", "IcHlwaS5vcmc"+fake(50), "pypi-server-1.5.1"),
	"rubygems-key":              sized("rubygems_", hexed(48), "rubygems_version"),
	"nuget-key":                 sized("oy2", lower(43), "oy2"+fake(43)),
	"crates-io-token":           sized("cio", fake(32), "ciosomethingorotherofexactlythatlen").and("cio_tp_" + mark(fake(32))).but("cio_tp_" + fake(31)),
	"docker-hub-token":          shaped("dckr_pat_", fake(27), "dckr_path_"+fake(27)),
	"docker-auth":               inner(`"auth": "`, fake(24)+"==", `"auth": "required-for-everyone"`, `"auth": {}`, `"auth": ""`).and(`\"auth\":\"` + mark(fake(24)+"=") + `\"`),
	"clojars-token":             shaped("CLOJARS_", hexed(60), "CLOJARS_PASSWORD"),
	"artifactory-token":         shaped("AKCp", fake(69), "+AKCp"+fake(69)).and("cmVmdGtu"+mark(fake(56)), "AKCp"+mark("8"+fake(30)+"_-"+fake(36))),

	// Clouds, platforms, databases.
	"aws-access-key-id": shaped("AKIA", upper(16), "AKIA"+upper(15)+" ", "akia"+fake(16)).
		and("id: ASIA"+mark(upper(16))+"\n", "=AKIA"+mark(upper(16))+"\""),
	"aws-secret-access-key": {
		[]string{
			"aws_secret_access_key = " + mark(fake(40)), `"SecretAccessKey": "` + mark(fake(20)+"/+"+fake(18)) + `",`,
			"AWS_SECRET_ACCESS_KEY=" + mark(fake(40)) + "\n",
		},
		[]string{"aws_secret_access_key", "aws_secret_access_key_id ="},
	},
	"aws-bedrock-key":       shaped("bedrock-api-key-", fake(128), "/ABSK"+fake(128), "bedrock-api-key-"+fake(40)),
	"presigned-url":         {[]string{"https://b.example.com/k?X-Amz-Date=20261123T000000Z&X-Amz-Signature=" + mark(hexed(64)), "X-Goog-Signature=" + mark(hexed(512)) + "\n"}, []string{"X-Amz-Signature=", "X-Amz-SignedHeaders=host"}},
	"google-api-key":        shaped("AIza", fake(35), "aiza"+fake(35), "/AIza"+fake(35), "+AIza"+fake(35), "AIza"+fake(34), "\nAIza"+fake(20)+"+"+fake(51)+"\n"),
	"google-oauth":          shaped("GOCSPX-", fake(28), "ya29.x", "1//0"+fake(60)).and("ya29." + mark(fake(60))),
	"azure-client-secret":   inner("abc8Q~", fake(31)+".~-", "8Q~"+fake(20), "a.7Q~/home").and("xyz7Q~" + mark(fake(34))),
	"azure-sas-signature":   inner("https://a.example.com/c?sv=2026-01-01&sig=", fake(43)+"%3D", "?sig=short", "&sig=all-lower-case-words-joined-by-hyphens"),
	"alibaba-access-key-id": shaped("LTAI", "5t"+fake(18), "/LTAI"+fake(20), "LTAI short", "LTAI"+fake(72)).and("LTAI" + mark(fake(12))),
	"tencent-secret-id":     sized("AKID", fake(32), "/AKID"+fake(32)),
	"yandex-cloud-token": shaped("t1.9eu", "elZ"+fake(100)+"."+fake(86), "t1.column = t2.column").
		and("AQVN"+mark(fake(35)), "YC"+mark(fake(38))),
	"digitalocean-token":      shaped("dop_v1_", hexed(64), "dop_v1_"+strings.Repeat("z", 64)),
	"cloudflare-token":        shaped("cfut_", fake(48), "cfut_short").and("v1.0-" + mark(hexed(24)+"-"+hexed(146))),
	"cloudflare-tunnel-token": shaped("eyJhIjoi", fake(160), "eyJhIjoi"+fake(20)),
	"heroku-api-key":          shaped("HRKU-", "AA"+fake(58), "HRKU-short").and("HRKU-" + mark(fakeUUID())),
	"vercel-token":            shaped("vcp_", fake(56), "vcp_some_long_name_of_a_variable").and("vck_" + mark(fake(56))),
	"netlify-token":           shaped("nfp_", fake(36), "nfp_table").and("nfb_" + mark(fake(36))),
	"render-api-key":          shaped("rnd_", fake(28), "rnd_seed_of_the_generator_7"),
	"fly-io-token":            shaped("fm2_", fake(200)+"==", "fm2_name"),
	"upcloud-token":           shaped("ucat_", upper(26), "ucat_x"),
	"supabase-key":            shaped("sbp_", hexed(40), "sb_publishable_"+fake(31), "sbp_name_of_something_long").and("sb_secret_" + mark(fake(22)+"_"+fake(8))),
	"planetscale-token":       shaped("pscale_tkn_", fake(43), "pscale_tkn_name").and("pscale_pw_" + mark(fake(43))),
	"neon-api-key":            shaped("napi_", lower(64), "napi_poll", "napi_schedule_prep"),
	"databricks-token":        sized("dapi", hexed(32), "dapi.example.com").and("dose" + mark(hexed(32))),
	"mongodb-atlas-secret":    shaped("mdb_sa_sk_", fake(40), "mdb_sa_id_"+fake(24)),
	"confluent-secret":        sized("cflt", fake(58)+"/+", "/cflt"+fake(60)),
	"aiven-password":          shaped("AVNS_", fake(20), "AVNS_x"),
	"cockroachdb-cloud-key":   shaped("CCDB1_", fake(22)+"_"+fake(40), "CCDB1_x"),
	"xata-api-key":            shaped("xau_", fake(32), "xau_x"),
	"pinecone-api-key":        shaped("pcsk_", fake(6)+"_"+fake(63), "pcsk_state"),

	// Secret stores, identity, networks, infrastructure.
	"vault-token":     shaped("hvs.", fake(90), "hvx."+fake(30)).and("hvb." + mark(fake(90))),
	"doppler-token":   shaped("dp.pt.", fake(43), "dp.pt.x", "dp.status.code").and("dp.st." + mark("dev."+fake(40))),
	"1password-token": shaped("ops_eyJ", fake(250), "ops_eyJ"+fake(20)).and("ops_eyJ" + mark(fake(60)+"/+"+fake(90)+"==")).and("A3-" + mark(upper(6)+"-"+upper(6)+"-"+upper(5)+"-"+upper(5)+"-"+upper(5)+"-"+upper(5))),
	"age-secret-key":  shaped("AGE-SECRET-KEY-1", upper(58), "age1"+lower(58)),
	"okta-api-token":  {[]string{"Authorization: SSWS " + mark("00"+fake(40)) + "\n", "SSWS " + mark("00"+fake(40))}, []string{"SSWS {{token}}", "the SSWS scheme"}},
	"ory-token":       shaped("ory_at_", fake(43), "ory_at_x").and("ory_pat_"+mark(fake(32)), "ory_at_"+mark(fake(43)+"."+fake(43)), "ory_apikey_"+mark(fake(32))),
	"stytch-secret":   shaped("secret-live-", fake(43)+"=", "secret-live-x", "secret-test-for-the-production-cluster-of-shop"),
	"openshift-token": shaped("sha256~", fake(43), "sha256~x", "sha256:"+hexed(64)),
	"rancher-token":   sized("token-", lower(5)+":"+lower(54), "token-review", "default-token-abcde"),
	"k3s-token":       shaped("K10", hexed(64)+"::server:"+hexed(32), "K10"+hexed(32)),
	"portainer-token": shaped("ptr_", fake(44), "ptr_to_member", "ptr_"+strings.Repeat("next_", 10)),
	"tailscale-key":   shaped("tskey-auth-", fake(17)+"-"+fake(32), "tskey-auth-xxxxx"),
	"netbird-token":   shaped("nbp_", fake(36), "nbp_x"),
	"prefect-api-key": sized("pnu_", fake(36), "pnu_x"),
	"dbt-cloud-token": shaped("dbtc_", fake(40), "dbtc_x").and("dbtu_" + mark(fake(40))),

	// Chat, mail, payment.
	"slack-token":       shaped("xoxb-", "0000-"+fake(24), "xoxz-"+fake(20)).and("xapp-"+mark("1-A-"+fake(20)), "xwfp-"+mark("0-0-"+fake(20)), "xoxe."+mark("xoxp-1-"+fake(60))),
	"slack-webhook":     {[]string{"https://hooks.slack.com/services/" + mark("T00/B00/"+fake(24)), "hooks.slack.com/workflows/" + mark("T00/A00/000/"+fake(24))}, []string{"https://hooks.slack.com/services/", "https://slack.com/services/" + fake(30)}},
	"discord-bot-token": {[]string{"Authorization: Bot " + mark(fake(26)+"."+fake(6)+"."+fake(38)), "Bot " + mark(fake(24)+"."+fake(6)+"."+fake(27)) + "\n"}, []string{"Bot started", "Robot " + fake(60)}},
	"discord-webhook":   {[]string{"https://discord.com/api/webhooks/" + mark("123456789012345678/"+fake(68)), "discordapp.com/api/webhooks/" + mark("123456789012345678/"+fake(68)) + "\n"}, []string{"https://discord.com/api/webhooks/", "https://discord.com/api/v10/channels/123456789012345678"}},
	"teams-webhook":     {[]string{"https://x.webhook.office.com/webhookb2/" + mark(fakeUUID()+"@"+fakeUUID()+"/IncomingWebhook/"+hexed(32)), "https://webhook.office.com/webhookb2/" + mark(fakeUUID()+"@"+fakeUUID()) + " "}, []string{"https://x.webhook.office.com/webhookb2/", "https://office.com/webhookb2/" + fakeUUID()}},
	"telegram-bot-token": {
		[]string{"https://api.telegram.org/bot110201543:AA" + mark(fake(33)) + "/getMe", "110201543:AA" + mark(fake(33)) + "\n"},
		[]string{"00:AA:BB:CC", "SHA256:AA" + fake(41), "x:AA" + fake(32)},
	},
	"sendgrid-key":     shaped("SG.", fake(22)+"."+fake(43), "SG.x", "SG.some.long.name.in.lower.case"),
	"twilio-api-key":   sized("SK", hexed(32), "AC"+hexed(32)).and("SK" + mark(strings.ToUpper(hexed(32)))),
	"mailgun-key":      sized("key-", hexed(32), "key-value-store", "pubkey-"+hexed(32)).and("key-" + mark(lower(32))),
	"brevo-key":        shaped("xkeysib-", hexed(64)+"-"+fake(16), "xkeysib-x").and("xsmtpsib-" + mark(hexed(64)+"-"+fake(16))),
	"mailersend-token": shaped("mlsn.", hexed(64), "mlsn.x"),
	"resend-api-key":   sized("re_", fake(8)+"_"+fake(24), "re_compile"),
	"klaviyo-key":      sized("pk_", hexed(34), "pk_live_"+fake(24)).and("pk_" + mark(fake(34))),
	"onesignal-key":    shaped("os_v2_app_", lower(103), "os_v2_app_x"),
	"stripe-key":       shaped("sk_live_", fake(24), "risk_live_"+fake(24), "sk_prod_"+fake(24)).and("whsec_"+mark(fake(32)), "sk_org_"+mark("live_"+fake(30))),
	"square-token":     shaped("sq0atp-", fake(22), "sq0idp-"+fake(22)).and("sq0csp-"+mark(fake(43)), "EAAA"+mark(fake(60))),
	"braintree-token":  shaped("access_token$production$", lower(16)+"$"+hexed(32), "access_token$sandbox$"),
	"razorpay-key":     sized("rzp_live_", fake(14), "rzp_prod_"+fake(14)),
	"flutterwave-key":  shaped("FLWSECK_TEST-", fake(32)+"-X", "FLWPUBK_TEST-"+fake(32)).and("FLWSECK_TEST-" + mark(hexed(12))),
	"plaid-token":      sized("access-sandbox-", fakeUUID(), "access-sandbox-network"),
	"mollie-key":       sized("live_", fake(30), "live_migration_of_virtual_machines"),
	"shopify-token":    shaped("shpat_", hexed(32), "shpat_x").and("shpss_"+mark(hexed(32)), "shptka_"+mark(hexed(32))),
	"paddle-api-key":   shaped("pdl_live_apikey_", "01"+lower(24)+"_"+fake(22)+"_AAA", "pdl_live_apikey_x"),
	"easypost-key":     sized("EZAK", fake(54), "EZAKx"),
	"shippo-token":     sized("shippo_live_", hexed(40), "shippo_live_x"),
	"xendit-key":       shaped("xnd_production_", fake(64), "xnd_public_production_"+fake(40)),
	"duffel-token":     shaped("duffel_test_", fake(43), "duffel_test_x"),

	// Monitoring and the tools of a team.
	"grafana-token":    shaped("glsa_", fake(32)+"_"+hexed(8), "glsa_x").and("glc_"+mark("eyJ"+fake(60)+"+/"+fake(20)+"="), "eyJrIjoi"+mark(fake(80)+"==")),
	"new-relic-key":    shaped("NRAK-", upper(27), "NRAK-x").and("NRAA-" + mark(upper(27))),
	"dynatrace-token":  shaped("dt0c01.", upper(24)+"."+upper(64), "dt0c01.x", "dt0z01."+upper(24)+"."+upper(64)),
	"sentry-token":     shaped("sntrys_", "eyJ"+fake(100)+"=_"+fake(43), "sntrys_x").and("sntryu_" + mark(hexed(64))),
	"honeycomb-key":    shaped("hcaik_", lower(58), "hcaik_x"),
	"posthog-key":      shaped("phx_", fake(43), "phc_"+fake(43)),
	"launchdarkly-key": sized("sdk-", fakeUUID(), "sdk-go-v2"),
	"axiom-token":      sized("xaat-", fakeUUID(), "xaat-x"),
	"checkly-key":      sized("cu_", hexed(32), "cu_x"),
	"notion-token":     shaped("ntn_", "000000"+fake(40), "ntn_x").and("secret_"+mark(fake(43))).but("secret_"+fake(44), "secret_name"),
	"linear-key":       shaped("lin_api_", fake(40), "lin_api_x"),
	"figma-token":      shaped("figd_", fake(40), "figd_x"),
	"postman-key":      shaped("PMAK-", hexed(24)+"-"+hexed(34), "PMAK-x"),
	"hubspot-token":    sized("pat-na1-", fakeUUID(), "pat-na1-x"),
	"dropbox-token":    shaped("sl.", "u."+fake(130), "sl.si", "sl.some.package.name.that.is.long.but.all.of.it.in.lower.case.letters"),
	"contentful-token": shaped("CFPAT-", fake(43), "CFPAT-x"),
	"typeform-token":   shaped("tfp_", fake(59), "tfp_x"),
	"readme-key":       shaped("rdme_", "xn8s9h"+lower(64), "rdme_x"),
	"mapbox-secret-token": {
		[]string{"sk.eyJ" + mark("1Ijo"+fake(60)+"."+fake(22)), `"sk.eyJ` + mark("1Ijo"+fake(60)+"."+fake(22)) + `"`},
		[]string{"sk.eyJ", "risk.eyJ" + fake(60)},
	},
	"trello-token": shaped("ATTA", hexed(64)+upper(8), "ATTACHMENT", "/ATTA"+fake(72)),

	// Model providers.
	"openai-api-key":     shaped("sk-", fake(48), "sk-learn-and-other-machine-learning", "sk-x").and("sk-" + mark("proj-"+fake(60))),
	"anthropic-api-key":  {[]string{"sk-" + mark("ant-api03-"+fake(90)), `"sk-` + mark("ant-admin01-"+fake(90)) + `"`}, []string{"sk-ant-", "task-ant-" + fake(40)}},
	"huggingface-token":  shaped("hf_", fake(34), "hf_hub_download"),
	"replicate-token":    shaped("r8_", fake(37), "r8_unorm").and("r8_" + mark(fake(12)+"-_"+fake(23))),
	"groq-api-key":       shaped("gsk_", fake(52), "gsk_x"),
	"perplexity-api-key": shaped("pplx-", fake(48), "pplx-7b-online"),
	"xai-api-key":        shaped("xai-", fake(80), "xai-org").and("xai-" + mark(fake(20)+"_"+fake(59))),
	"nvidia-api-key":     shaped("nvapi-", fake(64), "nvapi-x"),
	"together-api-key":   shaped("tgp_v1_", fake(43), "tgp_v1_x"),
	"cerebras-api-key":   shaped("csk-", lower(48), "csk-x"),
	"tavily-api-key":     shaped("tvly-", "dev-"+fake(32), "tvly-x"),
	"firecrawl-api-key":  sized("fc-", hexed(32), "fc-cache"),
	"elevenlabs-api-key": sized("sk_", hexed(48), "sk_buff"),
	"jina-api-key":       shaped("jina_", hexed(32)+fake(28), "jina_embeddings_v3_is_a_model"),
	"e2b-api-key":        sized("e2b_", hexed(40), "e2b_x"),
	"llamacloud-api-key": shaped("llx-", fake(48), "llx-x"),
	"langsmith-api-key":  shaped("lsv2_pt_", hexed(32)+"_"+hexed(10), "lsv2_pt_x", "lsv2_pt_the_key_of_whoever_it_is_that_asks"),
	"apify-token":        shaped("apify_api_", fake(36), "apify_api_x"),
	"logfire-token":      shaped("pylf_v1_", "eu_"+fake(43), "pylf_v1_x"),

	// Structures.
	"bearer-token": {
		[]string{"Bearer " + mark(fake(20)), "bearer " + mark("v1."+fake(20)+"==") + "\n"},
		[]string{"Bearer authentication-is-required", "bearer of bad news", "forbearer " + fake(20)},
	},
	"jwt": {
		[]string{"eyJ" + fake(20) + "." + mark("eyJ"+fake(40)+"."+fake(43)), "'eyJ" + fake(20) + "." + mark(fake(30)+".a.b.c") + "'"},
		[]string{"eyJ" + fake(20), "eyJ" + fake(20) + ".short ", "eyJx." + fake(30), "keyJ" + fake(20) + "." + fake(30)},
	},
	"url-credentials": {
		[]string{
			"postgres://app:" + mark("s3cr3t") + "@db:5432/app", "redis://:" + mark("x") + "@cache", "https://a@b.c:" + mark("p") + "@host/",
			"amqp://u:" + mark("p@ss:w@rd") + "@mq/v", "see http://u:" + mark("p%20q") + "@h, ok",
		},
		[]string{"http://host:8080/path", "http://host:8080/a@b", "http://[::1]:8080/", "https://me@host/", "a://b:c d@e", "://:@x"},
	},
	"private-key": {
		[]string{
			"-----BEGIN RSA PRIVATE KEY-----" + mark("\n"+fake(64)+"\r\n"+fake(20)+"==\n") + "-----END RSA PRIVATE KEY-----\nafter: it's over\n",
			"-----BEGIN OPENSSH PRIVATE KEY-----" + mark("\n"+fake(64)+"\n"),
			`"key": "-----BEGIN PRIVATE KEY-----` + mark(`\n`+fake(64)+`\n`) + `-----END PRIVATE KEY-----\n"`,
			"-----BEGIN EC PRIVATE KEY-----" + mark("\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n"+fake(9)+"\n"),
			"a.pem:-----BEGIN PRIVATE KEY-----" + mark("\nroot") + "@host:~# ls",
		},
		[]string{"-----BEGIN CERTIFICATE-----\n" + fake(64) + "\n-----END CERTIFICATE-----\n", "-----BEGIN PUBLIC KEY-----\n" + fake(64), "BEGIN PRIVATE KEY"},
	},

	"card-number": {
		[]string{
			"card: 411111" + mark("1111111111") + "\n", "4111 11" + split(mark, "11", " ", "1111", " ", "1111") + ", ok", "5555-55" + split(mark, "55", "-", "5555", "-", "4444"),
			"3782 82" + split(mark, "2463", " ", "10005") + " AMEX", "(601111" + mark("1111111117") + ")", "1 4111 11" + split(mark, "11", " ", "1111", " ", "1111") + " 123\n",
		},
		[]string{
			"4111111111111112\n", "4111 1111 1111 111\n", "0.4111111111111111 ", "x4111111111111111", "41111111111111111111 ", "4111111111111111a", "2026-11-23T12:00:00", "4111-1111 1111-1111 ",
			"4111111111111111_", "1.4111111111111111 ", "4111 111111111111 \n",
		},
	},
	"iban": {
		[]string{
			"IBAN DE89" + mark("370400440532013000") + "\n", "GB82 " + split(mark, "WEST", " ", "1234", " ", "5698", " ", "7654", " ", "32") + ".", "BE68 " + split(mark, "5390", " ", "0754", " ", "7034") + " EUR",
		},
		[]string{"DE89370400440532013001\n", "DE8937040044053201300\n", "XDE89370400440532013000 ", "DE89370400440532013000X", "DE89 3704 0044", "ZZ89370400440532013000"},
	},

	// Assignments.
	"authorization": {
		[]string{
			"Authorization: Basic " + mark(fake(12)), "'authorization':'" + mark(fake(20)) + "'", `{"Authorization": "Token ` + mark(fake(20)) + `"}`,
			"authorization: Basic  " + mark("abcdef=") + "\r\n", "Proxy-Authorization: Basic " + mark(fake(12)) + "\r\n",
		},
		[]string{"Authorization: ", "authorization: required", "Authorization: Bearer\r\n", "authorization header"},
	},
	"session-cookie": {
		[]string{"Set-Cookie: JSESSIONID=" + mark(upper(32)+";") + " Path=/", "cookie: a=b; PHPSESSID=" + mark(lower(26)) + "\r\n", "connect.sid=" + mark("s%3A"+fake(40))},
		[]string{"JSESSIONID", "JSESSIONID=\r\n", "set session_id to 7"},
	},
	"assignment": {
		[]string{
			"password=" + mark("hunter2"), "DB_PASSWORD=" + mark("hunter2,;") + "\n", "password: '" + mark("correct horse battery staple") + "'\n",
			`{"password":"` + mark(`a\"b\\cdefghijk`) + `"}`, `"{\"token\": \"` + mark(`abc\\defghijklmn`) + `\"}"`, `{\"token\": \"` + mark("abcdef") + `\"}`,
			"clientSecret := `" + mark("abcdefgh") + "`", "--password " + mark("hunter2") + " -h x", "x?api_key=" + mark("abcdefgh") + "&y=1",
			"<password>" + mark("hunter2") + "</password>", "MYSQL_PWD=" + mark("hunter2"), "token\t=>  " + mark("abc.def/ghi+jkl=="), `cfg["password"] = "` + mark("hunter2") + `"`,
			"password=" + mark("token=abcdef"), "secret=" + mark("秘密の鍵です"), `token=` + mark(`\escape`) + ` x`, "token=" + mark("aaaaaaaaaaaa") + "\x00PATH=/bin", "a secret: " + mark("password1"),
			"X-Api-Key: " + mark("abcdefgh") + "\r\n", "X-Vault-Token: " + mark("abcdefgh") + "\r\n", "PRIVATE-TOKEN: " + mark("abcdefgh"), "DB_PASS=" + mark("hunter2"),
			"AccountName=a;AccountKey=" + mark(fake(86)+"=="), "Endpoint=sb://x/;SharedAccessKeyName=n;SharedAccessKey=" + mark(fake(43)+"="), "Server=db;Uid=sa;Pwd=" + mark("hunter2") + ";",
			"Name=a;AccountKey=" + mark(fake(86)+"==") + ";EndpointSuffix=core.example.com", "Server=db; Password=" + mark("hunter2") + ";Encrypt=true",
			"Driver=x;PWD=" + mark("{a;bcdef}") + " ", "a;password='" + mark("hunter;2") + "';b=c", "password: " + mark("abc(def") + "\n", "secret = " + mark("abc(def") + "\r\n",
			"spring.datasource.password=" + mark("hunter2") + "\n", "ALTER USER app WITH PASSWORD '" + mark("hunter2") + "';", "IDENTIFIED BY '" + mark("hunter2") + "'",
			"requirepass " + mark("foobared") + "\n", "curl -u " + mark("admin:hunter2") + " https://x", "kubeadm join --certificate-key " + mark(hexed(64)), "APP_KEY=" + mark("base64:"+fake(43)+"="),
			"NEW_RELIC_LICENSE_KEY=" + mark(hexed(40)), "psk=\"" + mark("correct horse") + "\"",
			"password=" + mark("abcdef(gh") + "\n", "password: " + mark("abc1ef(gh") + "\n", "password: " + mark("correct.horse.battery.staple") + "\n", "password: " + mark("$UPPER$CASE") + "\n",
			"token: " + mark("AllLettersAndNoDigitsInThisOneWhichIsLongerThanAnyName") + "\n", "x-jfrog-art-api: " + mark("abcdefgh"), "openssl rsa -passin pass:" + mark("hunter2") + " -in k",
		},
		[]string{
			"password", "password:", "password: \n", "Password for bob: ", "token: null,", "token: <none>", "secret: undefined;", "password=short", "max_tokens=4096000",
			"secretName: default-token-abcde", "PWD=/root/longer", "OLDPWD=/home/user", "password=${DB_PASSWORD}", `password: "{{ .Values.password }}"`, "password: ********",
			"password is hunter2", "token expired or invalid", "--password --user", `password: ""`, "passwordless: enabledness", "token := parser.Next()", "token := parser.Next(\n", "token = sign(claims,\n", "token := fetch(ctx context.Context, name)", "secret: sign(key, claims)\n", "token := Token{\n", "; password=short;", ";PWD=/root/longer;", "AccountKey=;EndpointSuffix=core.example.com", "secret = hs.masterSecret.ServerApplicationTrafficSecret(x)", "password=$DB_PASSWORD", "`<token>`: the token", "type: kubernetes.io/service-account-token", "xpwd=abcdefgh",
		},
	},
}
