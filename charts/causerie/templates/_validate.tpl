{{/* What the schema cannot say, because two values are in it: one readable line each. */}}
{{- define "causerie.validate" -}}
{{- $v := .Values -}}
{{- range $store := list "postgresql" "redis" "nats" }}
  {{- $given := index $v $store }}
  {{- if and $given.url $given.existingSecret }}
    {{- fail (printf "%s.url and %s.existingSecret are both set: name one" $store $store) }}
  {{- end }}
  {{- if not (include "causerie.storeKind" (dict "root" $ "store" $store)) }}
    {{- fail (printf "%s is missing: set %s.existingSecret or %s.url, or evaluation.enabled=true for a first look" $store $store $store) }}
  {{- end }}
{{- end }}
{{- if and $v.postgresql.direct.url $v.postgresql.direct.existingSecret }}
  {{- fail "postgresql.direct.url and postgresql.direct.existingSecret are both set: name one" }}
{{- end }}
{{- if and $v.postgresql.pooled (not (or $v.postgresql.direct.url $v.postgresql.direct.existingSecret)) }}
  {{- fail "postgresql.pooled needs postgresql.direct.existingSecret or .url: migrations must go past the pooler" }}
{{- end }}
{{- if not (or $v.auth.existingSecret $v.auth.jwksUrl $v.evaluation.enabled) }}
  {{- fail "nobody could sign in: set auth.existingSecret or auth.jwksUrl" }}
{{- end }}
{{- if and $v.evaluation.demo (not $v.evaluation.enabled) }}
  {{- fail "evaluation.demo gives a token to whoever asks: it needs evaluation.enabled" }}
{{- end }}
{{- if and $v.auth.cookie (not $v.auth.allowedOrigins) }}
  {{- fail "auth.cookie needs auth.allowedOrigins: a cookie is believed from named pages only" }}
{{- end }}
{{- if and $v.trust.configMap $v.trust.secret }}
  {{- fail "trust.configMap and trust.secret are both set: name one" }}
{{- end }}
{{- if and $v.trust.key (not (or $v.trust.configMap $v.trust.secret)) }}
  {{- fail "trust.key names a file of trust.configMap or trust.secret: set one of them" }}
{{- end }}
{{- if gt (int $v.gateway.targetConnectionsPerPod) (int $v.gateway.maxConnections) }}
  {{- fail "gateway.targetConnectionsPerPod is above gateway.maxConnections: pods would be full before there are more" }}
{{- end }}
{{- range $component := list "api" "gateway" "worker" }}
  {{- $service := index $v $component }}
  {{- with $service.autoscaling }}
    {{- if gt (int .minReplicas) (int .maxReplicas) }}
      {{- fail (printf "%s.autoscaling.minReplicas is above maxReplicas" $component) }}
    {{- end }}
    {{- if and .enabled (not (dig "requests" "cpu" "" $service.resources)) }}
      {{- fail (printf "%s.autoscaling needs %s.resources.requests.cpu: its percentage is of that" $component $component) }}
    {{- end }}
    {{- if and .enabled (eq $v.autoscaling.provider "keda") (ne $component "api") (not $v.autoscaling.keda.prometheusUrl) }}
      {{- fail "autoscaling.provider=keda needs autoscaling.keda.prometheusUrl" }}
    {{- end }}
  {{- end }}
{{- end }}
{{- $ours := list "CAUSERIE_DRAIN_SECONDS" "CAUSERIE_MAX_CONNECTIONS" "CAUSERIE_MAX_CONNECTION_AGE_SECONDS" "CAUSERIE_DATABASE_CONNECTIONS" "CAUSERIE_DATABASE_POOLED" "CAUSERIE_JWT_SECRET" "CAUSERIE_JWKS_URL" "CAUSERIE_JWT_AUDIENCE" "CAUSERIE_JWT_ISSUER" "CAUSERIE_COOKIE" "CAUSERIE_ALLOWED_ORIGINS" "CAUSERIE_DEMO" "CAUSERIE_HEALTH_PORT" "CAUSERIE_HOST" }}
{{- range $name, $_ := $v.settings }}
  {{- if has $name $ours }}
    {{- fail (printf "settings.%s has a value of its own in this chart: see README.md" $name) }}
  {{- end }}
{{- end }}
{{- /* Helm 3 lets the last of two win, Helm 4 says what nobody understands. */}}
{{- range $component := list "api" "gateway" "worker" }}
  {{- $made := include "causerie.serviceEnvironment" (dict "root" $ "component" $component "service" (index $v $component)) | fromYamlArray }}
  {{- range $extra := (index $v $component).extraEnv }}
    {{- range $made }}
      {{- if eq .name $extra.name }}
        {{- fail (printf "%s.extraEnv names %s, which has a value of its own in this chart: see README.md" $component .name) }}
      {{- end }}
    {{- end }}
  {{- end }}
{{- end }}
{{- if and $v.httpRoute.enabled (not $v.httpRoute.parentRefs) }}
  {{- fail "httpRoute.enabled needs httpRoute.parentRefs: a route hangs on a Gateway" }}
{{- end }}
{{- if and $v.tests.enabled (not (or $v.auth.existingSecret $v.evaluation.enabled $v.tests.tokenSecret)) }}
  {{- fail "helm test cannot sign a token where only auth.jwksUrl is believed: set tests.tokenSecret, or tests.enabled=false" }}
{{- end }}
{{- if and $v.loadtest.enabled (gt (int $v.loadtest.connections) (mul 15000 (int $v.loadtest.pods))) }}
  {{- fail (printf "loadtest.connections is %d: %d pods hold %d at most, raise loadtest.pods" (int $v.loadtest.connections) (int $v.loadtest.pods) (mul 15000 (int $v.loadtest.pods))) }}
{{- end }}
{{- range $signer := list "canary" "loadtest" }}
  {{- if and (index $v $signer).enabled (not (or $v.auth.existingSecret $v.evaluation.enabled)) }}
    {{- fail (printf "%s.enabled needs auth.existingSecret: it signs tokens of its own" $signer) }}
  {{- end }}
{{- end }}
{{- end -}}
