package mask

// aiTokens are of model providers and what is built around them.
func aiTokens() []rule {
	return []rule{
		// page: github.com/openai/openai-openapi; also DeepSeek, OpenRouter, Langfuse, LiteLLM.
		// Varied, or "sk-learn-…" and its like are keys.
		token("openai-api-key", base64, 20, "sk-").varied(),
		// page: github.com/anthropics/anthropic-sdk-python, examples
		token("anthropic-api-key", base64, 16, "sk-ant-"),
		// page: github.com/huggingface/huggingface_hub, tests
		token("huggingface-token", alnum, 20, "hf_"),
		// seen: Replicate
		token("replicate-token", base64, 30, "r8_").varied().revised(),
		// seen: Groq
		token("groq-api-key", alnum, 40, "gsk_"),
		// seen: Perplexity
		token("perplexity-api-key", alnum, 40, "pplx-"),
		// seen: xAI
		token("xai-api-key", word, 60, "xai-").revised(),
		// NVIDIA
		token("nvidia-api-key", base64, 40, "nvapi-").varied(),
		// Together AI
		token("together-api-key", base64, 40, "tgp_v1_").varied(),
		// Cerebras
		token("cerebras-api-key", "a-z0-9", 40, "csk-"),
		// page: github.com/tavily-ai/tavily-python, README
		token("tavily-api-key", base64, 20, "tvly-").varied(),
		// page: github.com/firecrawl/firecrawl, parseApi.ts
		sized("firecrawl-api-key", hexa, 32, "fc-"),
		// seen: ElevenLabs
		sized("elevenlabs-api-key", hexa, 48, "sk_"),
		// seen: Jina AI
		token("jina-api-key", base64, 40, "jina_").varied(),
		// page: github.com/e2b-dev/E2B, README
		sized("e2b-api-key", hexa, 40, "e2b_"),
		// LlamaIndex
		token("llamacloud-api-key", alnum, 40, "llx-").varied(),
		// page: github.com/langchain-ai/langsmith-sdk, anonymizer
		token("langsmith-api-key", word, 32, "lsv2_pt_", "lsv2_sk_").varied().revised(),
		// page: docs.apify.com/platform/integrations
		token("apify-token", alnum, 30, "apify_api_").varied(),
		// page: github.com/pydantic/logfire, migrate-to-new-project.md and tests
		token("logfire-token", word, 40, "pylf_v1_").varied(),
	}
}
