#!/usr/bin/env bash
# The main job of Sallyport, walked by real users with stock kubectl on a real throw-away node. Every step is
# checked; the script exits 0 only if each one did what it says. Run it by `make demo`.
set -euo pipefail
cd "$(dirname "$0")/.."

eval "$("${DEVCLUSTER:?run this by: make demo}" env)"
# The kubectl of the node, not one that this machine may have; kubectl finds the plugin in bin/.
export PATH="$PWD/bin:$(dirname "$KUBECTL"):$PATH"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

step=0
say() { step=$((step + 1)); printf '\n\033[1m%d. %s\033[0m\n' "$step" "$*"; }
fail() { printf '\n\033[31mThe demo failed: %s\033[0m\n' "$*" >&2; exit 1; }
show() { sed 's/^/     | /' "$1"; }

# as USER COMMAND…: runs a command with that user's kubeconfig, and shows it.
as() {
  local user=$1; shift
  printf '   %s$ %s\n' "$user" "$*"
  KUBECONFIG="$work/$user.yaml" "$@" </dev/null
}
# works NAME USER COMMAND…: has to exit 0. The output is kept in $work/NAME.
works() {
  local name=$1; shift
  as "$@" >"$work/$name.out" 2>"$work/$name.err" || { cat "$work/$name.out" "$work/$name.err" >&2; fail "this command had to work"; }
  grep -v '^   [a-z0-9-]*\$ ' "$work/$name.out" >"$work/$name" || true
  sed -n '1p' "$work/$name.out"; show "$work/$name"
}
# denied PATTERN USER COMMAND…: has to fail with a message that matches PATTERN.
denied() {
  local pattern=$1; shift
  if as "$@" >"$work/denied.out" 2>"$work/denied.err"; then cat "$work/denied.out"; fail "this command had to be refused"; fi
  sed -n '1p' "$work/denied.out"; show "$work/denied.err"
  grep -qE "$pattern" "$work/denied.err" || fail "the refusal does not say: $pattern"
}
# holds DESCRIPTION COMMAND…: a check that is no user's step.
holds() { local what=$1; shift; "$@" >/dev/null 2>&1 || fail "check: $what"; printf '   ✓ %s\n' "$what"; }
lacks() { local what=$1 file=$2 text=$3; ! grep -qF -- "$text" "$file" || fail "check: $what"; printf '   ✓ %s\n' "$what"; }

for user in super-admin admin developer approver auditor; do cp "$KUBECONFIG_DIR/$user.yaml" "$work/$user.yaml"; done

say "An administrator has a namespace with an application; the application holds a secret."
KUBECONFIG="$work/admin.yaml" kubectl apply -f config/samples/demo.yaml >"$work/apply"; show "$work/apply"
KUBECONFIG="$work/admin.yaml" kubectl -n demo rollout status statefulset/web --timeout=120s >"$work/apply"; show "$work/apply"
# What an interrupted demo left would open the door too early.
KUBECONFIG="$work/admin.yaml" kubectl -n demo delete executiongrants --all >"$work/apply"

say "The developer may exec by RBAC, and is denied: nobody goes in directly."
denied 'kubectl sallyport request' developer kubectl exec -n demo web-0 -- id

say "Neither does the cluster's highest administrator."
denied 'gateway' super-admin kubectl exec -n demo web-0 -- id

say "The developer declares what is needed, for how long, and why."
grant="fix-$(date +%H%M%S)"
cat >"$work/grant.yaml" <<YAML
apiVersion: access.sallyport.dev/v1alpha1
kind: ExecutionGrant
metadata: {name: $grant, namespace: demo}
spec:
  actions: [Exec]
  target: {podName: web-0}
  reason: look into failed orders
  ticket: OPS-4711
  durationSeconds: ${DEMO_GRANT_SECONDS:-45}
YAML
show "$work/grant.yaml"
works applied developer kubectl apply -f "$work/grant.yaml"
works pending developer kubectl wait -n demo "--for=jsonpath={.status.approvalRequestName}" --timeout=30s "xg/$grant"

say "The developer turns the kubeconfig to the gateway: same cluster, same credentials, another path."
works login developer kubectl sallyport login
denied "$grant" developer kubectl exec -n demo web-0 -- id

say "The developer may approve the requests of others. Nobody approves their own."
denied 'denied the request' developer kubectl sallyport approve -n demo "$grant" --yes

say "The approver reads what is asked and agrees."
works pending approver kubectl sallyport approvals -n demo
works approved approver kubectl sallyport approve -n demo "$grant" --yes -m "go ahead"
works active developer kubectl wait -n demo --for=condition=Active --timeout=30s "xg/$grant"

say "Now plain kubectl exec works, with its exit code, its pipes and its terminal."
works id developer kubectl exec -n demo web-0 -- id
holds "the command ran in the container" grep -q uid= "$work/id"
code=0; KUBECONFIG="$work/developer.yaml" kubectl exec -n demo web-0 -- sh -c 'exit 7' 2>/dev/null </dev/null || code=$?
holds "exit code 7 came back as 7" test "$code" = 7
echo through-the-pipe | KUBECONFIG="$work/developer.yaml" kubectl exec -i -n demo web-0 -- cat >"$work/pipe"
holds "standard input reached the container and came back" grep -qx through-the-pipe "$work/pipe"
KUBECONFIG="$work/developer.yaml" script -qec 'kubectl exec -it -n demo web-0 -- sh -c "tty; stty size"' /dev/null >"$work/tty" </dev/null
holds "with -it there is a terminal" grep -q /dev/pts "$work/tty"

say "A secret in the output never arrives in clear text."
works secret developer kubectl exec -n demo web-0 -- env
lacks "the person did not see the key" "$work/secret" AKIADEMOSALLYPORTKEY

say "Starting a pod is running code, too: without a grant for Run it is denied."
denied 'Run' developer kubectl run -n demo shell --image=localhost/busybox:dev --image-pull-policy=Never -- sleep 60

say "The auditor finds the session in the object store, with the store's own tools, and replays it."
session=$(KUBECONFIG="$work/auditor.yaml" kubectl get executionsessions -n demo --sort-by=.metadata.creationTimestamp -o jsonpath='{.items[-1:].metadata.name}')
prefix=$(KUBECONFIG="$work/auditor.yaml" kubectl get executionsessions -n demo "$session" -o jsonpath='{.spec.recording}')
prefix=${prefix%/}
set -a; . "$SALLYPORT_NODE/object-store/auditor.env"; set +a
export MC_CONFIG_DIR="$work/mc"; mkdir -p "$MC_CONFIG_DIR/certs/CAs"; cp "$S3_CA_FILE" "$MC_CONFIG_DIR/certs/CAs/"
"$MC" -q alias set store "$S3_ENDPOINT" "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY" >/dev/null
for _ in $(seq 50); do "$MC" stat "store/$S3_BUCKET/$prefix/close.json" >/dev/null 2>&1 && break; sleep 0.2; done
"$MC" ls --recursive --versions "store/$S3_BUCKET/$prefix" >"$work/objects"; show "$work/objects"
works shown auditor kubectl sallyport sessions show "$session"
works played auditor kubectl sallyport play "$session"
lacks "the recording does not hold the key either" "$work/played" AKIADEMOSALLYPORTKEY
"$MC" cat "store/$S3_BUCKET/$prefix/open.json" >"$work/open.json"
holds "it names the approver" jq -e '.approvals[] | select(.approver == "approver")' "$work/open.json"

say "Nobody can delete it before its time: not the auditor, not the store's own administrator."
version=$("$MC" stat --json "store/$S3_BUCKET/$prefix/close.json" | jq -r .versionID)
if "$MC" rm --version-id "$version" "store/$S3_BUCKET/$prefix/close.json" >"$work/rm" 2>&1; then fail "the auditor deleted a recording"; fi
show "$work/rm"
(set -a; . "$SALLYPORT_NODE/object-store/root.env"; set +a; "$MC" -q alias set root "$S3_ENDPOINT" "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY" >/dev/null)
if "$MC" rm --bypass --version-id "$version" "root/$S3_BUCKET/$prefix/close.json" >"$work/rm" 2>&1; then fail "the administrator deleted a recording"; fi
show "$work/rm"

say "The grant ends by itself; the next exec is denied."
until_=$(KUBECONFIG="$work/developer.yaml" kubectl get xg -n demo "$grant" -o jsonpath='{.status.activeUntil}')
printf '   waiting for %s\n' "$until_"
KUBECONFIG="$work/developer.yaml" kubectl wait -n demo --for=condition=Active=false --timeout=90s "xg/$grant" >"$work/wait"; show "$work/wait"
denied 'expired' developer kubectl exec -n demo web-0 -- id

cat <<TEXT

Every step did what it says. The node is still running. Try next:

  export KUBECONFIG=$KUBECONFIG_DIR/developer.yaml PATH=$PWD/bin:$(dirname "$KUBECTL"):\$PATH
  kubectl sallyport login
  kubectl sallyport request try-1 -n demo --pod web-0 --for 15m --reason "try it" --wait=false
  KUBECONFIG=$KUBECONFIG_DIR/approver.yaml kubectl sallyport approve -n demo try-1
  kubectl exec -it -n demo web-0 -- sh
  export S3_ENDPOINT=$S3_ENDPOINT S3_BUCKET=$S3_BUCKET S3_CA_FILE=$S3_CA_FILE; set -a; . $S3_ENV_AUDITOR; set +a
  kubectl sallyport sessions --recorded    # and then, with an ID of it: kubectl sallyport play ID

\`make demo-down\` removes everything.
TEXT
