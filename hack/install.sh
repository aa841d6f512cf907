#!/usr/bin/env bash
# Installs config/default into the running node, pointed at the node's object store, and waits until it serves. Pods are
# replaced only if the programs or the settings changed since the last time. Run it by `make install`.
set -euo pipefail
cd "$(dirname "$0")/.."

env="$("${DEVCLUSTER:?run this by: make install}" env)"
eval "$env"
namespace=sallyport-system
kubectl() { "$KUBECTL" --kubeconfig "$KUBECONFIG_DIR/super-admin.yaml" "$@"; }
apply() { kubectl apply --server-side --force-conflicts --field-manager=sallyport-install "$@"; }
# made KIND NAME ARGUMENT...: makes a ConfigMap or Secret, or changes it.
made() { kubectl --namespace "$namespace" create "$@" --dry-run=client -o yaml | apply -f -; }

settings=(
	--from-literal="S3_ENDPOINT=$S3_ENDPOINT_IN_CLUSTER"
	--from-literal="S3_BUCKET=$S3_BUCKET"
	--from-literal="S3_REGION=us-east-1"
	--from-literal="RETENTION_DAYS=1"
	--from-literal="CLUSTER=devcluster"
)
apply -f config/manager/namespace.yaml
made configmap sallyport-object-store "${settings[@]}"
made configmap sallyport-object-store-ca --from-file=ca.crt="$S3_CA_FILE"
made secret generic sallyport-object-store --from-env-file=<(grep '^AWS_' "$S3_ENV_RECORDER")
apply -k config/default

build="$({
	sha256sum bin/manager bin/proxy "$S3_CA_FILE" "$S3_ENV_RECORDER"
	printf '%s\n' "${settings[@]}"
} | sha256sum | cut -c1-16)"
kubectl -n "$namespace" patch deployment sallyport --patch \
	"{\"spec\":{\"template\":{\"metadata\":{\"annotations\":{\"access.sallyport.dev/build\":\"$build\"}}}}}"

if ! kubectl -n "$namespace" rollout status deployment/sallyport --timeout=180s; then
	kubectl -n "$namespace" get pods >&2
	kubectl -n "$namespace" logs deployment/sallyport --all-containers --tail=30 >&2 || true
	exit 1
fi
kubectl wait --for=condition=Available --timeout=60s apiservice/v1alpha1.gateway.sallyport.dev
