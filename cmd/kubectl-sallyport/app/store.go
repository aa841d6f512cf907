package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"github.com/sallyport-dev/sallyport/cmd/kubectl-sallyport/internal/exit"
	"github.com/sallyport-dev/sallyport/cmd/kubectl-sallyport/internal/sessionid"
	"github.com/sallyport-dev/sallyport/internal/objectstore"
	"github.com/sallyport-dev/sallyport/internal/objectstore/s3"
	"github.com/sallyport-dev/sallyport/internal/recording"
)

const storeHelp = `Recordings are read from the object store, by your own credentials for it; the cluster is not asked:
  --s3-endpoint   or S3_ENDPOINT   its URL, https://…
  --s3-bucket     or S3_BUCKET
  --s3-ca-file    or S3_CA_FILE    PEM, if its certificate is not publicly trusted
  --s3-region     or AWS_REGION    us-east-1 if not given
  AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, only from the environment`

// storeFlags say where recordings are.
type storeFlags struct{ endpoint, bucket, caFile, region string }

func (f *storeFlags) add(fs *pflag.FlagSet) {
	fs.StringVar(&f.endpoint, "s3-endpoint", "", "URL of the object store (S3_ENDPOINT)")
	fs.StringVar(&f.bucket, "s3-bucket", "", "bucket of the recordings (S3_BUCKET)")
	fs.StringVar(&f.caFile, "s3-ca-file", "", "PEM file with the CA of the object store (S3_CA_FILE)")
	fs.StringVar(&f.region, "s3-region", "", "region of the bucket (AWS_REGION; default us-east-1)")
}

// options completes the flags from the environment. Its error never holds a value.
func (f *storeFlags) options(getenv func(string) string) (s3.Options, error) {
	o := s3.Options{
		Endpoint:  cmp.Or(f.endpoint, getenv("S3_ENDPOINT")),
		Bucket:    cmp.Or(f.bucket, getenv("S3_BUCKET")),
		CAFile:    cmp.Or(f.caFile, getenv("S3_CA_FILE")),
		Region:    cmp.Or(f.region, getenv("AWS_REGION")),
		AccessKey: getenv("AWS_ACCESS_KEY_ID"),
		SecretKey: getenv("AWS_SECRET_ACCESS_KEY"),
	}
	var missing []string
	for _, need := range []struct{ value, name string }{
		{o.Endpoint, "--s3-endpoint (or S3_ENDPOINT)"},
		{o.Bucket, "--s3-bucket (or S3_BUCKET)"},
		{o.AccessKey, "AWS_ACCESS_KEY_ID"},
		{o.SecretKey, "AWS_SECRET_ACCESS_KEY"},
	} {
		if need.value == "" {
			missing = append(missing, need.name)
		}
	}
	if len(missing) > 0 {
		return s3.Options{}, exit.WithHint(
			exit.New(exit.Usage, "the object store with the recordings is not given: %s", strings.Join(missing, ", ")),
			"an administrator can say where recordings are, and give you credentials that read them")
	}
	return o, nil
}

func (p *plugin) openStore(f *storeFlags) (objectstore.Store, error) {
	o, err := f.options(p.Getenv)
	if err != nil {
		return nil, err
	}
	o.Now = p.Clock.Now
	store, err := p.OpenStore(o)
	if err != nil {
		return nil, fmt.Errorf("opening the object store: %w", err)
	}
	return store, nil
}

// findSession completes the beginning of a session ID to the only one in the store that begins so.
func findSession(ctx context.Context, store objectstore.Store, beginning string) (string, error) {
	prefix, err := sessionid.Parse(beginning)
	if err != nil {
		return "", exit.WithCode(exit.Usage, err)
	}
	if id, whole := prefix.Whole(); whole {
		return id, nil
	}
	var found []string
	from, to := prefix.Span()
	for s, err := range recording.List(ctx, store, recording.ListOptions{From: from, To: to}) {
		if err != nil {
			return "", fmt.Errorf("looking for session %s: %w", beginning, err)
		}
		if !prefix.Matches(s.ID) {
			continue
		}
		if found = append(found, s.ID); len(found) == 2 {
			return "", exit.New(exit.Usage, "more than one session begins with %s: %s, %s, …", beginning, found[0], found[1])
		}
	}
	if len(found) == 0 {
		return "", exit.New(exit.NotFound, "no recorded session begins with %s", beginning)
	}
	return found[0], nil
}

// judge gives errors of the evidence their code and says what they mean.
func judge(err error) error {
	fault := (*recording.Fault)(nil)
	switch {
	case errors.As(err, &fault):
		return exit.WithHint(exit.WithCode(exit.Broken, err),
			"the evidence of this session is damaged or was changed: keep the bucket as it is, and compare it with other copies")
	case errors.Is(err, objectstore.ErrNotFound):
		return exit.WithCode(exit.NotFound, err)
	}
	return err
}
