#!/usr/bin/env bash
# Checks, in a copy of the tree and without changing it, that what is derived from other files is current:
# generated code and manifests, the go.mod files, and the list of dependencies in docs/dependencies.md.
# Prints what to run for each that is not.
set -euo pipefail
cd "$(dirname "$0")/.."

failed=0
fail() {
	failed=1
	echo "FAIL: $1" >&2
}

copy="$(mktemp -d)"
trap 'rm -rf "$copy"' EXIT
tar --exclude=./.git --exclude=./bin -cf - . | tar -xf - -C "$copy"
rm -rf "$copy"/config/crd/bases
find "$copy/api" -name 'zz_generated.*.go' -delete

make --no-print-directory -C "$copy" generate manifests chart >"$copy/.log" 2>&1 || {
	cat "$copy/.log" >&2
	fail "the generators do not run: see above"
}
rm -f "$copy/.log"
for derived in api config charts; do
	diff -ru "$derived" "$copy/$derived" >&2 || fail "$derived/ is not current: run \`make generate manifests chart\` and commit"
done

for module in . hack/tools hack/devcluster test/benchmask; do
	go -C "$module" mod tidy -diff >&2 || fail "$module/go.mod is not tidy: run \`go -C $module mod tidy\` and commit"
done

needed="$(go list -m -f '{{if not (or .Main .Indirect)}}{{.Path}}{{end}}' all | sed '/^$/d' | sort)"
# shellcheck disable=SC2016 # the backquotes are those of the table
listed="$(sed -n 's/^| `\([^`]*\)`.*/\1/p' docs/dependencies.md | sort)"
[ "$needed" = "$listed" ] || {
	diff <(echo "$listed") <(echo "$needed") >&2 || true
	fail "docs/dependencies.md does not list the direct dependencies of go.mod: edit its tables"
}

exit "$failed"
