package mask

// aiTokens are of model providers and what is built around them.
func aiTokens() []rule {
	return []rule{
		// platform.openai.com/docs/api-reference/authentication; also DeepSeek, OpenRouter, Langfuse, LiteLLM.
		// Varied, or "sk-learn-…" and its like are keys.
		token("openai-api-key", base64, 20, "sk-").varied(),
		// docs.claude.com/en/api/overview
		token("anthropic-api-key", base64, 16, "sk-ant-"),
		// huggingface.co/docs/hub/security-tokens
		token("huggingface-token", alnum, 20, "hf_"),
		// replicate.com/docs/topics/security/api-tokens
		token("replicate-token", alnum, 30, "r8_").varied(),
		// console.groq.com/docs/quickstart
		token("groq-api-key", alnum, 40, "gsk_"),
		// docs.perplexity.ai/getting-started/quickstart
		token("perplexity-api-key", alnum, 40, "pplx-"),
		// docs.x.ai/docs/tutorial
		token("xai-api-key", alnum, 60, "xai-"),
		// docs.nvidia.com/nim: NGC_API_KEY
		token("nvidia-api-key", base64, 40, "nvapi-").varied(),
		// docs.together.ai/docs/quickstart
		token("together-api-key", base64, 40, "tgp_v1_").varied(),
		// inference-docs.cerebras.ai/quickstart
		token("cerebras-api-key", "a-z0-9", 40, "csk-"),
		// docs.tavily.com/documentation/quickstart
		token("tavily-api-key", base64, 20, "tvly-").varied(),
		// docs.firecrawl.dev/introduction
		sized("firecrawl-api-key", hexa, 32, "fc-"),
		// elevenlabs.io/docs/api-reference/authentication
		sized("elevenlabs-api-key", hexa, 48, "sk_"),
		// jina.ai/embeddings
		token("jina-api-key", base64, 40, "jina_").varied(),
		// e2b.dev/docs/api-key
		sized("e2b-api-key", hexa, 40, "e2b_"),
		// docs.cloud.llamaindex.ai/api_key
		token("llamacloud-api-key", alnum, 40, "llx-").varied(),
		// docs.langchain.com/langsmith/create-account-api-key
		token("langsmith-api-key", "a-f0-9_", 40, "lsv2_pt_", "lsv2_sk_"),
		// docs.apify.com/platform/integrations/api
		token("apify-token", alnum, 30, "apify_api_").varied(),
		// logfire.pydantic.dev/docs/how-to-guides/create-write-tokens
		token("logfire-token", word, 40, "pylf_v1_").varied(),
	}
}
