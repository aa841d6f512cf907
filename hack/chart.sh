#!/usr/bin/env bash
# Generates the chart's CRDs and templates/sallyport.yaml from config/default: chart.sh KUSTOMIZE [OUTPUT].
set -euo pipefail
kustomize=$1 chart=${2:-charts/sallyport}
cd "$(dirname "$0")/.."
mkdir -p "$chart/crds" "$chart/templates"
rm -f "$chart"/crds/*.yaml
cp config/crd/bases/*.yaml "$chart/crds/"
{
  echo "# Generated from config/default by: make chart"
  "$kustomize" build config/default | awk '
    function flush() { if (doc != "" && doc !~ /\nkind: (CustomResourceDefinition|Namespace)\n/) printf "---\n%s", doc; doc = "" }
    /^---$/ { flush(); next }
    { doc = doc $0 "\n" }
    END { flush() }' |
    sed -e 's/{{/{{ "{{" }}/g' \
      -e 's/sallyport-system/{{ .Release.Namespace }}/g' \
      -e 's#image: localhost/sallyport:dev#image: "{{ .Values.image.repository }}:{{ .Values.image.tag }}"#' \
      -e 's/imagePullPolicy: IfNotPresent/imagePullPolicy: {{ .Values.image.pullPolicy }}/' \
      -e 's/--secret-values=WhereAllowed/--secret-values={{ .Values.masking.secretValues }}/' \
      -e 's/--secret-values-bytes=536870912/--secret-values-bytes={{ int64 .Values.masking.secretValuesBytes }}/' \
      -e 's/^  replicas: 1$/  replicas: {{ .Values.replicas }}/' \
      -e '/secretRef:/{n;s/name: sallyport-object-store/name: {{ .Values.objectStore.existingSecret }}/}'
} >"$chart/templates/sallyport.yaml"
