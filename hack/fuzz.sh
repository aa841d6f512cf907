#!/usr/bin/env bash
# Runs every fuzz target of the main module for the given time (30s), one after the other: `go test -fuzz` takes one
# target of one package at a time. Stops at the first that finds something; its input then lies in testdata/fuzz.
set -euo pipefail
cd "$(dirname "$0")/.."
time="${1:-30s}"

found=0
while IFS=: read -r file target; do
	found=$((found + 1))
	echo "--- $target in ${file%/*} for $time"
	go test -run='^$' -fuzz="^$target\$" -fuzztime="$time" "./${file%/*}"
done < <(find api cmd controllers internal webhooks -name '*_test.go' -print0 |
	xargs -0 grep -oE '^func Fuzz[A-Za-z0-9_]+' /dev/null | sed 's/:func /:/' | sort)

if [ "$found" -eq 0 ]; then
	echo "no fuzz target was found" >&2
	exit 1
fi
