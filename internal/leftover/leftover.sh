# Ends a process and its Unix session; see package leftover.
# In: signal, second signal or -, leader or 0, least and most age in 1/100 s.
# Out: how many fit, the leader, how many were signalled.
read -r signal second leader least most || exit 2
set -- /proc/[0-9]*
set -f

# The state of process $1: its parent, its session, when it began.
look() {
	read -r line 2>/dev/null <"/proc/$1/stat" || return 1
	# shellcheck disable=SC2086 # it is to be split
	set -- ${line##*) }
	parent=$2 session=$4 start=${20}
	[ -n "$start" ]
}

fits() {
	look "$1" && [ "$parent" = 0 ] && [ "$session" = "$1" ] || return 1
	[ "$1" != 1 ] && [ "$1" != $$ ] || return 1
	[ $((now - start)) -ge "$least" ] && [ $((now - start)) -le "$most" ] || return 1
	# shellcheck disable=SC3013 # without it nothing fits
	[ "/proc/$1/root" -ef /proc/self/root ]
}

look $$ || exit 2
now=$start
count=1
if [ "$leader" = 0 ]; then
	count=0
	for process; do
		process=${process#/proc/}
		if fits "$process"; then
			count=$((count + 1))
			leader=$process
		fi
	done
fi
sent=0
if [ "$count" = 1 ] && [ "$leader" -gt 1 ]; then
	for process; do
		process=${process#/proc/}
		if look "$process" && [ "$session" = "$leader" ] && kill -s "$signal" "$process" 2>/dev/null; then
			sent=$((sent + 1))
			[ "$second" = - ] || kill -s "$second" "$process" 2>/dev/null
		fi
	done
else
	leader=0
fi
echo "$count $leader $sent"
