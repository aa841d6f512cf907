#!/usr/bin/env bash
# Runs the fuzz targets of the main module for the given time each (30s), as many at once as there are processors: `go test
# -fuzz` takes one target of one package at a time. Further arguments are directories: their targets, and no others. Stops at
# the first that finds something; its input then lies in testdata/fuzz.
#
# Go before 1.27 may report the end of -fuzztime itself as a failure, "context deadline exceeded" (golang/go#75804): that alone,
# with no failing input and nothing else said, is no finding.
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

# spurious FILE: whether the output of a failed run holds that deadline and nothing besides.
spurious() {
	grep -q '^    context deadline exceeded$' "$1" &&
		! grep -vqE '^(fuzz: (elapsed|minimizing)|--- FAIL: Fuzz|    context deadline exceeded$|FAIL|exit status 1$)' "$1"
}

# run TIME FILE TARGET: one target; its output is printed whole, when it is over. Status 255 makes xargs stop.
run() {
	local time="$1" package output code=0
	package="./$(dirname "$2")"
	output="$(mktemp)"
	go test -run='^$' -fuzz="^$3\$" -fuzztime="$time" -fuzzminimizetime=3s -parallel=1 "$package" >"$output" 2>&1 || code=255
	[ "$code" -eq 0 ] || ! spurious "$output" || code=0
	printf -- '--- %s in %s for %s\n' "$3" "$package" "$time"
	cat "$output"
	rm -f "$output"
	return "$code"
}
export -f run spurious

# shellcheck disable=SC2016 # the shell that xargs starts expands them
xargs -P "$(nproc)" -L 1 bash -c 'run "$0" "$1" "$2"' "$time" <<<"$targets"
