// Package podsecrets knows the values that a container can read: of the Secrets that its pod names, and of the plain variables in
// the pod's specification whose names say secret.
//
// Refs is pure: which keys of which Secrets. Session reads them, each by its name, when a session begins, and follows
// each for as long as the session lives, again by its name, so that a Role with resourceNames is enough of a right. What was not
// read in StartTime is Failed, and goes on being tried, as does what is Absent or Forbidden. Values are added, and never
// dropped: what a container was given before a rotation, it still has.
//
// Use hands the values out, with a Report of just these; Announce tells when there are others. While somebody is at a Use,
// Secrets are still followed: however many changes come meanwhile, the next Use has the newest state of all of them.
//
// Not known are values that the kubelet reads for itself (the credentials of volumes in a storage system), those of CSI drivers,
// tokens that the kubelet asks for (rules find them), and what a variable held that was set from a Secret before it was rotated.
//
// # Memory
//
// A session knows at most MaxSecrets Secrets, MaxTexts texts and MaxBytes of them; what does not fit is reported as ignored.
// Values live for the session; Close overwrites them. What the client's decoder and the garbage collector have copied before
// is beyond its reach.
package podsecrets

import "time"

const (
	// StartTime is how long the beginning of a session waits for the API server.
	StartTime = 2 * time.Second
	// MaxSecrets, MaxTexts and MaxBytes bound what one session knows.
	MaxSecrets = 64
	MaxTexts   = 10_000
	MaxBytes   = 512 << 10
	// MaxText bounds one text: of a longer one, the beginning is known.
	MaxText = 32 << 10
	// MaxIgnored bounds how many ignored values are named, of each Secret.
	MaxIgnored = 32
	// retryFirst and retryMost are how long a Secret that could not be read, or whose watch ended, is left alone.
	retryFirst = time.Second
	retryMost  = 30 * time.Second
)
