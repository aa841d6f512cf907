package mask

// serviceTokens are of chat, mail, payment, monitoring and the tools of a team.
func serviceTokens() []rule {
	return []rule{
		// page: api.slack.com/concepts/token-types; "xoxa-", "xoxo-", "xoxr-", "xoxs-" and "xwfp-" are seen
		token("slack-token", "A-Za-z0-9-", 10, "xoxb-", "xoxp-", "xoxa-", "xoxo-", "xoxr-", "xoxs-", "xoxe-", "xoxe.", "xapp-", "xwfp-").revised(),
		// page: github.com/slackapi/node-slack-sdk, tests
		token("slack-webhook", "A-Za-z0-9/", 8, "hooks.slack.com/services/", "hooks.slack.com/workflows/", "hooks.slack.com/triggers/").revised(),
		// page: discord.com/developers/docs/reference#authentication, …/topics/oauth2
		token("discord-bot-token", dotted, 50, "Bot ").varied(),
		token("discord-webhook", "A-Za-z0-9/_-", 20, "discord.com/api/webhooks/", "discordapp.com/api/webhooks/"),
		// seen: Microsoft Teams
		token("teams-webhook", "A-Za-z0-9/@-", uuidLength, "webhook.office.com/webhookb2/"),
		// seen: Telegram
		sized("telegram-bot-token", base64, 33, ":AA").anywhere(),

		// page: twilio.com/docs/sendgrid/ui/account-and-settings/api-keys; the parts are seen
		token("sendgrid-key", dotted, 16, "SG.").varied().revised(),
		// page: twilio.com/docs/iam/api-keys/key-resource-v2010
		sized("twilio-api-key", "A-Fa-f0-9", 32, "SK").revised(),
		// page: github.com/mailgun/documentation, samples: not hexadecimal
		sized("mailgun-key", "a-z0-9", 32, "key-").revised(),
		// seen: Brevo
		token("brevo-key", "A-Za-z0-9-", 40, "xkeysib-", "xsmtpsib-"),
		// MailerSend
		token("mailersend-token", hexa, 40, "mlsn."),
		// Resend
		sized("resend-api-key", word, 33, "re_"),
		// seen: Klaviyo
		sized("klaviyo-key", alnum, 34, "pk_").revised(),
		// OneSignal
		token("onesignal-key", "a-z0-9", 40, "os_v2_app_", "os_v2_org_"),

		// page: docs.stripe.com/keys, github.com/stripe/stripe-cli; also Clerk, Paystack, WorkOS
		token("stripe-key", alnum, 10, "sk_live_", "sk_test_", "rk_live_", "rk_test_", "whsec_"),
		// seen: Stripe, of an organization
		token("stripe-key", word, 24, "sk_org_").varied(),
		// seen: Square
		token("square-token", base64, 22, "sq0atp-", "sq0csp-"),
		token("square-token", base64, 56, "EAAA").varied().not64(),
		// Braintree
		token("braintree-token", "A-Za-z0-9$", 16, "access_token$production$", "access_token$sandbox$"),
		// Razorpay
		sized("razorpay-key", alnum, 14, "rzp_live_", "rzp_test_"),
		// seen: Flutterwave
		token("flutterwave-key", base64, 12, "FLWSECK-", "FLWSECK_TEST-").revised(),
		// page: github.com/plaid/plaid-openapi
		sized("plaid-token", uuid, uuidLength, "access-sandbox-", "access-development-", "access-production-"),
		// page: github.com/mollie/mollie-api-php, README
		sized("mollie-key", alnum, 30, "live_"),
		// page: shopify.dev/changelog/length-of-the-shopify-access-token-is-increasing, …/app-secret-key-length-has-increased,
		// github.com/Shopify/cli; "shpua_" and the alphabet are seen
		token("shopify-token", "A-Fa-f0-9", 32, "shpat_", "shpca_", "shppa_", "shpss_", "shpua_", "shptka_", "prtapi_").revised(),
		// page: developer.paddle.com/api-reference/about/api-keys
		token("paddle-api-key", word, 40, "pdl_live_apikey_", "pdl_sdbx_apikey_"),
		// seen: EasyPost
		sized("easypost-key", alnum, 54, "EZAK", "EZTK"),
		// seen: Shippo
		sized("shippo-token", hexa, 40, "shippo_live_", "shippo_test_"),
		// Xendit
		token("xendit-key", alnum, 40, "xnd_production_", "xnd_development_"),
		// seen: Duffel
		token("duffel-token", base64, 30, "duffel_live_", "duffel_test_").varied(),

		// page: github.com/grafana/grafana, apikeygen.go; what "glc_" and "glsa_" begin is seen
		token("grafana-token", word, 30, "glsa_").varied().revised(),
		token("grafana-token", slashed, 30, "glc_", "eyJrIjoi").varied().revised(),
		// page: github.com/newrelic/newrelic-cli, utils.go: "NRAK" and "NRAA"; "NRII" is seen
		token("new-relic-key", base64, 20, "NRAK-", "NRAA-", "NRII-", "NRIQ-", "NRRA-", "NRJS-").revised(),
		// page: docs.dynatrace.com/docs/manage/identity-access-management/access-tokens-and-oauth-clients
		token("dynatrace-token", "A-Z0-9.", 40, "dt0c01.", "dt0s01.", "dt0s02.", "dt0s03.", "dt0s04.", "dt0s06.", "dt0s08.", "dt0s09.", "dt0s16."),
		// page: github.com/getsentry/rfcs, 0091-ci-upload-tokens; github.com/getsentry/sentry-cli, auth_token/test.rs
		token("sentry-token", "A-Za-z0-9+/=_", 40, "sntrys_", "sntryu_"),
		// seen: Honeycomb, "hcaik_"
		token("honeycomb-key", alnum, 40, "hcaik_", "hcbik_", "hcxik_", "hcamk_"),
		// seen: PostHog
		token("posthog-key", alnum, 30, "phx_").varied(),
		// LaunchDarkly
		sized("launchdarkly-key", uuid, uuidLength, "sdk-"),
		// page: github.com/axiomhq/axiom-go, README: "xaat-"
		sized("axiom-token", uuid, uuidLength, "xaat-", "xapt-"),
		// Checkly
		sized("checkly-key", hexa, 32, "cu_"),

		// seen: Notion
		token("notion-token", alnum, 40, "ntn_").varied(),
		sized("notion-token", alnum, 43, "secret_"),
		// seen: Linear, "lin_api_"
		token("linear-key", alnum, 32, "lin_api_", "lin_oauth_"),
		// seen: Figma
		token("figma-token", base64, 30, "figd_").varied(),
		// seen: Postman
		token("postman-key", uuid, 40, "PMAK-"),
		// seen: HubSpot
		sized("hubspot-token", uuid, uuidLength, "pat-na1-", "pat-na2-", "pat-eu1-", "pat-ap1-"),
		// page: dropboxforum.com, "Access token", answer of the vendor: "sl." is short-lived
		token("dropbox-token", dotted, 64, "sl.").varied(),
		// page: github.com/contentful/contentful-cli, test/proxy
		token("contentful-token", base64, 40, "CFPAT-").varied(),
		// seen: Typeform
		token("typeform-token", dotted, 40, "tfp_").varied(),
		// page: github.com/readmeio/rdme, openapiDoc.ts; the length is seen
		token("readme-key", "a-z0-9", 60, "rdme_"),
		// seen: Mapbox
		token("mapbox-secret-token", dotted, 40, "sk.eyJ").varied(),
		// Trello
		token("trello-token", alnum, 60, "ATTA").varied().not64(),
	}
}
