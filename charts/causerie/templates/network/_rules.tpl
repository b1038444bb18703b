{{/* The rules of a NetworkPolicy. What is empty means any address: (dict "to" peers "ports" (list 5432)). */}}

{{- define "causerie.egressTo" -}}
- ports:
    {{- range .ports }}
    - {port: {{ . }}, protocol: TCP}
    {{- end }}
  {{- with .to }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{/* DNS by both of its ways. */}}
{{- define "causerie.egressDns" -}}
- ports:
    - {port: 53, protocol: UDP}
    - {port: 53, protocol: TCP}
  {{- with .Values.networkPolicy.dns }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{/* To pods of this release: (dict "root" $ "component" "api" "port" 8080). */}}
{{- define "causerie.egressToOwn" -}}
- ports:
    - {port: {{ .port }}, protocol: TCP}
  to:
    - podSelector:
        matchLabels:
          {{- include "causerie.selector" . | nindent 10 }}
{{- end -}}

{{/* To one store, wherever it is: (dict "root" $ "store" "redis"). */}}
{{- define "causerie.egressStore" -}}
{{- if eq (include "causerie.storeKind" .) "own" -}}
{{- $own := index (dict "postgresql" (list "postgresql" 5432) "redis" (list "valkey" 6379) "nats" (list "nats" 4222)) .store -}}
{{ include "causerie.egressToOwn" (dict "root" .root "component" (first $own) "port" (last $own)) }}
{{- else -}}
{{ include "causerie.egressTo" (index .root.Values.networkPolicy .store) }}
{{- end -}}
{{- end -}}

{{/* From peers, or from everybody: (dict "from" peers "port" 8080). */}}
{{- define "causerie.ingressFrom" -}}
- ports:
    - {port: {{ .port }}, protocol: TCP}
  {{- with .from }}
  from:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{/* From pods of this release: (dict "root" $ "components" (list "api") "port" 5432). */}}
{{- define "causerie.ingressFromOwn" -}}
- ports:
    - {port: {{ .port }}, protocol: TCP}
  from:
    - podSelector:
        matchLabels:
          {{- include "causerie.selector" (dict "root" .root) | nindent 10 }}
        matchExpressions:
          - {key: app.kubernetes.io/component, operator: In, values: {{ toJson .components }}}
{{- end -}}
