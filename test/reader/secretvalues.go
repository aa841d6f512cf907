package reader

// checkSecretValues reads what the open object says of the values of Secrets.
func checkSecretValues(f fields) error {
	need[string](&f, "mode")
	for _, secret := range may[[]fields](&f, "secrets") {
		need[string](&secret, "name")
		may[string](&secret, "resourceVersion")
		need[string](&secret, "state")
		may[string](&secret, "why")
		if err := checkKnownValues(&secret); err != nil {
			return err
		}
	}
	if f.has("environment") {
		environment := need[fields](&f, "environment")
		if err := checkKnownValues(&environment); err != nil {
			return err
		}
	}
	return f.err
}

func checkKnownValues(f *fields) error {
	need[int64](f, "values")
	for _, ignored := range may[[]fields](f, "ignored") {
		need[string](&ignored, "key")
		need[string](&ignored, "why")
		if ignored.err != nil {
			return ignored.err
		}
	}
	return f.err
}
