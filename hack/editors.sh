#!/usr/bin/env bash
# Prints the files that bash and vim need in an image that has nothing, a line each: HOST=IMAGE, as `devcluster image load --add`
# takes them. Their libraries are among them, the terminal that containers have (xterm), and a locale of UTF-8.
set -euo pipefail

program() {
	local path
	path="$(command -v "$1")" || {
		echo "$1 is not installed: apt-get install -y $2" >&2
		exit 1
	}
	path="$(readlink -f "$path")"
	echo "$path=$3"
	ldd "$path" | grep -oE '/[^ ]+' | sed 's/.*/&=&/'
}

{
	program bash bash /bin/bash
	program vim.tiny vim-tiny /bin/vim
	for terminal in /usr/share/terminfo/x/xterm /lib/terminfo/x/xterm; do
		[ ! -e "$terminal" ] || echo "$terminal=$terminal"
	done
	echo /usr/lib/locale/C.utf8=/usr/lib/locale/C.utf8
} | sort -u
