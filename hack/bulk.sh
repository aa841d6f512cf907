#!/usr/bin/env bash
# Moves BYTES (default 500 MB) out of a container and into it, directly and through the gateway, side by side in one
# run, and prints the ratio. Direct exec is what Sallyport denies, so the CONNECT webhook of the throw-away node is taken
# out for the run and put back at its end. Run it by `make bulk`.
set -euo pipefail
cd "$(dirname "$0")/.."
eval "$("${DEVCLUSTER:?run this by: make bulk}" env)"
export PATH="$PWD/bin:$(dirname "$KUBECTL"):$PATH"

megabytes=${MEGABYTES:-500} rounds=${ROUNDS:-3}
work=$(mktemp -d)
admin() { KUBECONFIG="$KUBECONFIG_DIR/super-admin.yaml" kubectl "$@"; }
cleanup() {
  admin delete executiongrant -n e2e bulk --ignore-not-found --wait=false >/dev/null 2>&1 || true
  [ ! -s "$work/webhook.json" ] || admin replace -f "$work/webhook.json" >/dev/null
  rm -rf "$work"
}
trap cleanup EXIT

admin apply -f test/node/testdata/namespace.yaml >/dev/null
admin -n e2e rollout status statefulset/app --timeout=120s >/dev/null
cp "$KUBECONFIG_DIR/developer.yaml" "$work/direct.yaml"; cp "$KUBECONFIG_DIR/developer.yaml" "$work/gateway.yaml"
KUBECONFIG="$work/gateway.yaml" kubectl sallyport login >/dev/null

KUBECONFIG="$work/direct.yaml" kubectl apply -f - >/dev/null <<YAML
apiVersion: access.sallyport.dev/v1alpha1
kind: ExecutionGrant
metadata: {name: bulk, namespace: e2e}
spec: {actions: [Exec], target: {podName: app-0}, reason: measuring, durationSeconds: 3600}
YAML
for _ in $(seq 50); do KUBECONFIG="$KUBECONFIG_DIR/approver.yaml" kubectl sallyport approve -n e2e bulk --yes >/dev/null 2>&1 && break; sleep 0.2; done
admin wait -n e2e --for=condition=Active --timeout=30s executiongrant/bulk >/dev/null

admin get validatingwebhookconfiguration sallyport -o json |
  jq 'del(.metadata.resourceVersion, .metadata.uid, .metadata.creationTimestamp, .metadata.generation, .metadata.managedFields)' >"$work/webhook.json"
jq '.webhooks |= map(select(any(.rules[]; .operations | index("CONNECT")) | not))' "$work/webhook.json" | admin replace -f - >/dev/null
sleep 2

# The clock ticks that the proxy's process has computed. It is looked for anew: the pod may have been replaced.
ticks() {
  local stat; stat=$(cat "/proc/$(pgrep -fo '^/proxy --namespace=')/stat")
  set -- ${stat##*) }
  echo $((${12} + ${13}))
}
in_pod() { KUBECONFIG="$work/gateway.yaml" kubectl exec -n e2e app-0 -- sh -c "$1"; }
seconds() { local start; start=$(date +%s.%N); "$@"; echo "$(date +%s.%N) - $start" | bc; }
pull() { KUBECONFIG="$work/$1.yaml" kubectl exec -n e2e app-0 -- cat /tmp/bulk 2>/dev/null | sha256sum | cut -d' ' -f1 >"$work/sum"; }
push() { KUBECONFIG="$work/$1.yaml" kubectl exec -i -n e2e app-0 -- sha256sum <"$work/data" | cut -d' ' -f1 >"$work/sum"; }

measure() { # KIND DIRECTION
  local best_direct="" best_gateway="" s path before spent=0
  for _ in $(seq "$rounds"); do
    for path in direct gateway; do
      before=$(ticks)
      s=$(seconds "$2" "$path")
      [ "$path" = direct ] || spent=$((spent + $(ticks) - before))
      [ "$(cat "$work/sum")" = "$want" ] || { echo "checksums differ: $1 $2 $path" >&2; exit 1; }
      local -n best="best_$path"
      if [ -z "$best" ] || [ "$(echo "$s < $best" | bc)" = 1 ]; then best=$s; fi
    done
  done
  printf '%-8s %-5s direct %6.1f MB/s   gateway %6.1f MB/s   ratio %.2f   proxy %5.0f MB/s per core\n' "$1" "$2" \
    "$(echo "$megabytes / $best_direct" | bc -l)" "$(echo "$megabytes / $best_gateway" | bc -l)" "$(echo "$best_direct / $best_gateway" | bc -l)" \
    "$(echo "$megabytes * $rounds * $(getconf CLK_TCK) / $spent" | bc -l)"
}

printf '%s MB, best of %s rounds, checksums equal on both sides\n' "$megabytes" "$rounds"
for kind in text random; do
  if [ "$kind" = text ]; then
    in_pod "i=0; while [ \$i -lt 10000 ]; do echo \"2026-11-23T03:04:05.\$i level=info msg=\\\"order accepted\\\" id=\$i customer=c-\$((i*7919%9973)) amount=\$((i%997)).50\"; i=\$((i+1)); done >/tmp/line; : >/tmp/bulk; while [ \$(stat -c %s /tmp/bulk) -lt ${megabytes}000000 ]; do cat /tmp/line /tmp/line /tmp/line /tmp/line >>/tmp/bulk; done; truncate -s ${megabytes}000000 /tmp/bulk"
  else
    # Raw random bytes would now and then hold what reads like the assignment of a secret, and arrive masked.
    in_pod "head -c ${megabytes}000000 /dev/urandom | base64 | head -c ${megabytes}000000 >/tmp/bulk"
  fi
  want=$(in_pod "sha256sum /tmp/bulk" | cut -d' ' -f1)
  measure "$kind" pull
  KUBECONFIG="$work/direct.yaml" kubectl exec -n e2e app-0 -- cat /tmp/bulk >"$work/data"
  measure "$kind" push
done
in_pod "rm -f /tmp/bulk /tmp/line"
