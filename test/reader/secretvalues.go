package reader

import "errors"

// checkSecretValues reads what the open object says of the values of Secrets.
func checkSecretValues(f fields) error {
	need[string](&f, "mode")
	for _, secret := range may[[]fields](&f, "secrets") {
		if err := checkSecret(&secret); err != nil {
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

func checkSecret(f *fields) error {
	need[string](f, "name")
	may[string](f, "resourceVersion")
	need[string](f, "state")
	may[string](f, "why")
	return checkKnownValues(f)
}

// checkSecretChange reads a record of the stream secret: one of the two is there.
func checkSecretChange(data []byte) error {
	f := parse(data)
	if f.has("secret") == f.has("environment") {
		return errors.New("it speaks of no Secret, or of two things")
	}
	if f.has("secret") {
		secret := need[fields](f, "secret")
		return errors.Join(f.err, checkSecret(&secret))
	}
	environment := need[fields](f, "environment")
	return errors.Join(f.err, checkKnownValues(&environment))
}

func checkKnownValues(f *fields) error {
	need[int64](f, "values")
	may[bool](f, "cut")
	for _, ignored := range may[[]fields](f, "ignored") {
		need[string](&ignored, "key")
		need[string](&ignored, "why")
		if ignored.err != nil {
			return ignored.err
		}
	}
	return f.err
}
