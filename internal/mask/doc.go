// Package mask replaces secrets in a byte stream by asterisks, as the stream
// passes, without changing its length.
//
// # How it works
//
// A Stream is a fold over bytes. One automaton (Aho-Corasick over the literals of
// all rules) finds the public beginning of a secret: "ghp_", "password=",
// "-----BEGIN RSA PRIVATE KEY-----". Each rule then follows what comes after it,
// one small machine at most for each rule. A machine holds bytes back only while
// they may still become a secret; once it has decided, everything it held is
// masked, and every further byte of the secret goes out masked at once.
//
// # Invariants
//
//   - How the input is cut into writes does not change the output: Write is a fold
//     of one step for each byte. No time, no chunk length and no end of a write
//     has any influence.
//   - Output and input have the same length, and differ only where the output has
//     '*'. Nothing is reordered.
//   - At most MaxHeld bytes are held. A machine that would need more decides that
//     it has found a secret.
//   - A public beginning is never held, and is masked only where it lies within
//     another rule's secret.
//
// # What it does not do
//
// It prevents accidents. Whoever has a shell can print a secret so that no rule
// sees it; that is why sessions are recorded. In this form rules are fixed, the
// person and the recording get the same bytes, values of the pod's own Secrets are
// not known, and terminal escape sequences are ordinary bytes: a secret with a
// colour change inside is masked only up to it. A value in an assignment that is
// shorter than six bytes is not taken for a secret.
package mask
