#!/usr/bin/env bash
# Runs the fuzz targets of the main module for the given time each (30s), as many at once as there are processors: `go test
# -fuzz` takes one target of one package at a time. Further arguments are directories: their targets, and no others. Stops at
# the first that finds something; its input then lies in testdata/fuzz.
set -euo pipefail
cd "$(dirname "$0")/.."
time="${1:-30s}"
shift || true
[ "$#" -gt 0 ] || set -- api cmd controllers internal webhooks

targets="$(find "$@" -name '*_test.go' -print0 | xargs -0 grep -oE '^func Fuzz[A-Za-z0-9_]+' /dev/null | sed 's/:func / /' | sort)"
if [ -z "$targets" ]; then
	echo "no fuzz target was found" >&2
	exit 1
fi

# Each target's output is printed whole, when it is over. Status 255 makes xargs stop.
# shellcheck disable=SC2016 # the shell that xargs starts expands them
xargs -P "$(nproc)" -L 1 bash -c '
	package="./$(dirname "$1")"
	output="$(go test -run="^$" -fuzz="^$2\$" -fuzztime="$0" -fuzzminimizetime=3s -parallel=1 "$package" 2>&1)" || failed=yes
	printf -- "--- %s in %s for %s\n%s\n" "$2" "$package" "$0" "$output"
	[ -z "${failed:-}" ] || exit 255
' "$time" <<<"$targets"
