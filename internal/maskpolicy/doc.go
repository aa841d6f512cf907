// Package maskpolicy turns ExecutionPolicies into mask rules.
//
// # What holds in a namespace
//
// Every policy that selects the namespace counts, in no order: the strictest of each wins.
//
//   - All literals and all patterns apply. Two of the same name and content are one rule; where the content differs, each
//     is named after its policy, too: "customer.shop" is the rule customer of the policy shop.
//   - A detector is off only if at least one policy disables it, and no policy that speaks of masking leaves it on.
//
// # Policies that cannot be used
//
// Admission refuses them, but one can come to be: written while admission was away, or by an older version. It never
// replaces the one in force: a Set goes on with the last form of it (by its UID) that could be used. Where there never
// was one, every session that it could be about is refused, by a *RefusedError that names the policy.
package maskpolicy
