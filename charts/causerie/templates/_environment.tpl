{{/* What containers read from their environment. Secrets come by reference and are never in a pod's text. */}}

{{/* "own" when evaluation starts the store itself, "external" when it has an address: (dict "root" $ "store" "redis"). */}}
{{- define "causerie.storeKind" -}}
{{- $store := index .root.Values .store -}}
{{- if or $store.url $store.existingSecret -}}external{{- else if .root.Values.evaluation.enabled -}}own{{- end -}}
{{- end -}}

{{- define "causerie.evaluationSecret" -}}
{{ include "causerie.fullname" . }}-evaluation
{{- end -}}

{{/* One variable from the store's own Secret, or from the release's, which holds the URLs given as values. */}}
{{- define "causerie.storeVariable" -}}
- name: {{ .name }}
  valueFrom:
    secretKeyRef:
      {{- if .store.existingSecret }}
      name: {{ .store.existingSecret }}
      key: {{ .store.existingSecretKey }}
      {{- else }}
      name: {{ include "causerie.fullname" .root }}-stores
      key: {{ .key }}
      {{- end }}
{{- end -}}

{{- define "causerie.storesPassword" -}}
- name: STORES_PASSWORD
  valueFrom:
    secretKeyRef:
      name: {{ include "causerie.evaluationSecret" . }}
      key: password
{{- end -}}

{{/* DATABASE_URL; `direct` goes past a pooler, for whatever holds a lock longer than a transaction. */}}
{{- define "causerie.databaseVariable" -}}
{{- $full := include "causerie.fullname" .root -}}
{{- $postgresql := .root.Values.postgresql -}}
{{- if eq (include "causerie.storeKind" (dict "root" .root "store" "postgresql")) "own" -}}
- name: DATABASE_URL
  value: postgresql://causerie:$(STORES_PASSWORD)@{{ $full }}-postgresql:5432/causerie
{{- else if and .direct (or $postgresql.direct.url $postgresql.direct.existingSecret) -}}
{{ include "causerie.storeVariable" (dict "root" .root "name" "DATABASE_URL" "store" $postgresql.direct "key" "database-direct-url") }}
{{- else -}}
{{ include "causerie.storeVariable" (dict "root" .root "name" "DATABASE_URL" "store" $postgresql "key" "database-url") }}
{{- end -}}
{{- end -}}

{{/* All three stores. */}}
{{- define "causerie.storesEnvironment" -}}
{{- $full := include "causerie.fullname" . -}}
{{- if .Values.evaluation.enabled }}
{{ include "causerie.storesPassword" . }}
{{- end }}
{{ include "causerie.databaseVariable" (dict "root" . "direct" false) }}
{{- if eq (include "causerie.storeKind" (dict "root" . "store" "redis")) "own" }}
- name: REDIS_URL
  value: redis://:$(STORES_PASSWORD)@{{ $full }}-valkey:6379
{{- else }}
{{ include "causerie.storeVariable" (dict "root" . "name" "REDIS_URL" "store" .Values.redis "key" "redis-url") }}
{{- end }}
{{- if eq (include "causerie.storeKind" (dict "root" . "store" "nats")) "own" }}
- name: NATS_URL
  value: nats://causerie:$(STORES_PASSWORD)@{{ $full }}-nats:4222
{{- else }}
{{ include "causerie.storeVariable" (dict "root" . "name" "NATS_URL" "store" .Values.nats "key" "nats-url") }}
{{- end }}
{{- end -}}

{{/* Only PostgreSQL, past any pooler: for what looks after the schema. */}}
{{- define "causerie.directDatabaseEnvironment" -}}
{{- if eq (include "causerie.storeKind" (dict "root" . "store" "postgresql")) "own" }}
{{ include "causerie.storesPassword" . }}
{{- end }}
{{ include "causerie.databaseVariable" (dict "root" . "direct" true) }}
{{- include "causerie.trustEnvironment" . }}
{{- end -}}

{{- define "causerie.jwtEnvironment" -}}
{{- if or .Values.auth.existingSecret .Values.evaluation.enabled }}
- name: CAUSERIE_JWT_SECRET
  valueFrom:
    secretKeyRef:
      name: {{ .Values.auth.existingSecret | default (include "causerie.evaluationSecret" .) }}
      key: {{ ternary .Values.auth.existingSecretKey "jwt-secret" (ne .Values.auth.existingSecret "") }}
{{- end }}
{{- end -}}

{{/* OpenSSL and PostgreSQL's client look at different variables. */}}
{{- define "causerie.trustEnvironment" -}}
{{- if .Values.trust.key }}
- name: SSL_CERT_FILE
  value: /etc/causerie/trust/{{ .Values.trust.key }}
- name: PGSSLROOTCERT
  value: /etc/causerie/trust/{{ .Values.trust.key }}
{{- end }}
{{- end -}}

{{- define "causerie.podName" -}}
- name: POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
{{- end -}}

{{/* Of a service: (dict "root" $ "component" "gateway" "service" $.Values.gateway). */}}
{{- define "causerie.serviceEnvironment" -}}
{{ include "causerie.storesEnvironment" .root | trim }}
{{- if ne .component "worker" }}
{{- with include "causerie.jwtEnvironment" .root }}
{{ . | trim }}
{{- end }}
{{- end }}
{{- with include "causerie.trustEnvironment" .root }}
{{ . | trim }}
{{- end }}
- name: CAUSERIE_DATABASE_CONNECTIONS
  value: {{ .service.databaseConnections | quote }}
{{- if eq .component "gateway" }}
- name: CAUSERIE_DRAIN_SECONDS
  value: {{ .service.drainSeconds | quote }}
- name: CAUSERIE_MAX_CONNECTIONS
  value: {{ int .service.maxConnections | quote }}
- name: CAUSERIE_MAX_CONNECTION_AGE_SECONDS
  value: {{ int .service.maxConnectionAgeSeconds | quote }}
# Said to the workers, who keep this pod's deletion cost.
{{ include "causerie.podName" .root | trim }}
{{- end }}
{{- end -}}
