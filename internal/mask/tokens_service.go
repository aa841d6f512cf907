package mask

// serviceTokens are of chat, mail, payment, monitoring and the tools of a team.
func serviceTokens() []rule {
	return []rule{
		// api.slack.com/concepts/token-types, …/messaging/webhooks
		token("slack-token", "A-Za-z0-9-", 10, "xoxb-", "xoxp-", "xoxa-", "xoxr-", "xoxs-", "xoxe-", "xoxe.", "xapp-"),
		token("slack-webhook", "A-Za-z0-9/", 8, "hooks.slack.com/services/", "hooks.slack.com/workflows/", "hooks.slack.com/triggers/").revised(),
		// discord.com/developers/docs/reference#authentication, …/resources/webhook
		token("discord-bot-token", dotted, 50, "Bot ").varied(),
		token("discord-webhook", "A-Za-z0-9/_-", 20, "discord.com/api/webhooks/", "discordapp.com/api/webhooks/"),
		// learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors
		token("teams-webhook", "A-Za-z0-9/@-", uuidLength, "webhook.office.com/webhookb2/"),
		// core.telegram.org/bots/api#authorizing-your-bot
		sized("telegram-bot-token", base64, 33, ":AA").anywhere(),

		// twilio.com/docs/sendgrid/ui/account-and-settings/api-keys
		token("sendgrid-key", dotted, 16, "SG.").varied().revised(),
		// twilio.com/docs/glossary/what-is-a-sid
		sized("twilio-api-key", hexa, 32, "SK"),
		// documentation.mailgun.com/docs/mailgun/user-manual/get-started
		sized("mailgun-key", hexa, 32, "key-"),
		// developers.brevo.com/docs/getting-started
		token("brevo-key", "A-Za-z0-9-", 40, "xkeysib-", "xsmtpsib-"),
		// developers.mailersend.com/general.html#authentication
		token("mailersend-token", hexa, 40, "mlsn."),
		// resend.com/docs/api-reference/api-keys
		sized("resend-api-key", word, 33, "re_"),
		// developers.klaviyo.com/en/docs/authenticate_
		sized("klaviyo-key", hexa, 34, "pk_"),
		// documentation.onesignal.com/docs/keys-and-ids
		token("onesignal-key", "a-z0-9", 40, "os_v2_app_", "os_v2_org_"),

		// docs.stripe.com/keys; also Clerk, Paystack, WorkOS
		token("stripe-key", alnum, 10, "sk_live_", "sk_test_", "rk_live_", "rk_test_", "whsec_"),
		// developer.squareup.com/docs/build-basics/access-tokens
		token("square-token", base64, 22, "sq0atp-", "sq0csp-"),
		token("square-token", base64, 56, "EAAA").varied().not64(),
		// developer.paypal.com/braintree/articles/control-panel/important-gateway-credentials
		token("braintree-token", "A-Za-z0-9$", 16, "access_token$production$", "access_token$sandbox$"),
		// razorpay.com/docs/payments/dashboard/account-settings/api-keys
		sized("razorpay-key", alnum, 14, "rzp_live_", "rzp_test_"),
		// developer.flutterwave.com/docs/authentication
		token("flutterwave-key", base64, 30, "FLWSECK-", "FLWSECK_TEST-"),
		// plaid.com/docs/api/items
		sized("plaid-token", uuid, uuidLength, "access-sandbox-", "access-development-", "access-production-"),
		// docs.mollie.com/reference/authentication
		sized("mollie-key", alnum, 30, "live_"),
		// shopify.dev/docs/apps/build/authentication-authorization
		token("shopify-token", "A-Fa-f0-9", 32, "shpat_", "shpca_", "shppa_", "shpss_", "prtapi_"),
		// developer.paddle.com/api-reference/about/api-keys
		token("paddle-api-key", word, 40, "pdl_live_apikey_", "pdl_sdbx_apikey_"),
		// docs.easypost.com/docs/authentication
		sized("easypost-key", alnum, 54, "EZAK", "EZTK"),
		// docs.goshippo.com/docs/guides_general/authentication
		sized("shippo-token", hexa, 40, "shippo_live_", "shippo_test_"),
		// docs.xendit.co/docs/api-keys
		token("xendit-key", alnum, 40, "xnd_production_", "xnd_development_"),
		// duffel.com/docs/api/overview/authentication
		token("duffel-token", base64, 30, "duffel_live_", "duffel_test_").varied(),

		// grafana.com/docs/grafana/latest/administration/service-accounts
		token("grafana-token", "A-Za-z0-9_=", 30, "glsa_", "glc_", "eyJrIjoi").varied(),
		// docs.newrelic.com/docs/apis/intro-apis/new-relic-api-keys
		token("new-relic-key", base64, 20, "NRAK-", "NRII-", "NRIQ-", "NRRA-", "NRJS-"),
		// docs.dynatrace.com/docs/manage/identity-access-management/access-tokens-and-oauth-clients
		token("dynatrace-token", "A-Z0-9.", 40, "dt0c01.", "dt0s01.", "dt0s02.", "dt0s03.", "dt0s04.", "dt0s06.", "dt0s08.", "dt0s09.", "dt0s16."),
		// github.com/getsentry/rfcs: 0091-ci-upload-tokens
		token("sentry-token", "A-Za-z0-9+/=_", 40, "sntrys_", "sntryu_"),
		// docs.honeycomb.io/get-started/best-practices/api-keys
		token("honeycomb-key", alnum, 40, "hcaik_", "hcbik_", "hcxik_", "hcamk_"),
		// posthog.com/docs/api
		token("posthog-key", alnum, 30, "phx_").varied(),
		// launchdarkly.com/docs/sdk/concepts/client-side-server-side
		sized("launchdarkly-key", uuid, uuidLength, "sdk-"),
		// axiom.co/docs/reference/tokens
		sized("axiom-token", uuid, uuidLength, "xaat-", "xapt-"),
		// checklyhq.com/docs/api
		sized("checkly-key", hexa, 32, "cu_"),

		// developers.notion.com/changelog: the beginnings of tokens
		token("notion-token", alnum, 40, "ntn_").varied(),
		sized("notion-token", alnum, 43, "secret_"),
		// linear.app/developers/graphql
		token("linear-key", alnum, 32, "lin_api_", "lin_oauth_"),
		// developers.figma.com/docs/rest-api/authentication
		token("figma-token", base64, 30, "figd_").varied(),
		// learning.postman.com/docs/developer/postman-api/authentication
		token("postman-key", uuid, 40, "PMAK-"),
		// developers.hubspot.com/docs/guides/apps/private-apps/overview
		sized("hubspot-token", uuid, uuidLength, "pat-na1-", "pat-na2-", "pat-eu1-", "pat-ap1-"),
		// dropbox.tech/developers: "sl." since the change to short-lived tokens
		token("dropbox-token", dotted, 64, "sl.").varied(),
		// contentful.com/developers/docs/references/authentication
		token("contentful-token", base64, 40, "CFPAT-").varied(),
		// typeform.com/developers/get-started/personal-access-token
		token("typeform-token", dotted, 40, "tfp_").varied(),
		// docs.readme.com/main/reference/intro-authentication
		token("readme-key", "a-z0-9", 60, "rdme_"),
		// docs.mapbox.com/help/dive-deeper/access-tokens
		token("mapbox-secret-token", dotted, 40, "sk.eyJ").varied(),
		// developer.atlassian.com/cloud/trello
		token("trello-token", alnum, 60, "ATTA").varied().not64(),
	}
}
