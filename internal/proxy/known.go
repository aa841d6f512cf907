package proxy

import (
	"reflect"

	"github.com/sallyport-dev/sallyport/internal/podsecrets"
	"github.com/sallyport-dev/sallyport/internal/recording"
)

// recordedReport is what a recording says of the values that are masked.
func recordedReport(r *podsecrets.Report) *recording.SecretValues {
	out := &recording.SecretValues{}
	for _, s := range r.Secrets {
		out.Secrets = append(out.Secrets, recording.ReadSecret{
			Name: s.Name, ResourceVersion: s.ResourceVersion, State: string(s.State), Why: s.Why, KnownValues: recordedValues(s.Found),
		})
	}
	if e := recordedValues(r.Environment); e.Values > 0 || len(e.Ignored) > 0 || e.Cut {
		out.Environment = &e
	}
	return out
}

func recordedValues(f podsecrets.Found) recording.KnownValues {
	out := recording.KnownValues{Values: f.Values, Cut: f.Cut}
	for _, i := range f.Ignored {
		out.Ignored = append(out.Ignored, recording.IgnoredValue{Key: i.Key, Why: i.Why})
	}
	return out
}

// changesOf are what the recording has to say once what was known has become something else. Both name the same Secrets.
func changesOf(before, after *recording.SecretValues) []recording.SecretChange {
	var changes []recording.SecretChange
	for i := range after.Secrets {
		if !reflect.DeepEqual(before.Secrets[i], after.Secrets[i]) {
			changes = append(changes, recording.SecretChange{Secret: &after.Secrets[i]})
		}
	}
	if after.Environment != nil && !reflect.DeepEqual(before.Environment, after.Environment) {
		changes = append(changes, recording.SecretChange{Environment: after.Environment})
	}
	return changes
}
