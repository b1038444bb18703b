{{/* What every pod of ours has: Pod Security *restricted*, a read-only root with a /tmp, no token unless it needs one. */}}

{{/*
(dict "root" $ "extra" {}): what the operator adds for all pods, then for one service, wins.
(dict "user" 999): an evaluation's store, whose image's files belong to that number; ours knows 10001.
*/}}
{{- define "causerie.podSecurity" -}}
{{- $user := .user | default 10001 -}}
{{- $made := dict "runAsNonRoot" true "runAsUser" $user "runAsGroup" $user "fsGroup" $user "fsGroupChangePolicy" "OnRootMismatch" "seccompProfile" (dict "type" "RuntimeDefault") -}}
{{- $all := dict -}}
{{- with .root }}{{ $all = .Values.podSecurityContext }}{{ end -}}
{{- toYaml (mergeOverwrite $made (deepCopy $all) (deepCopy (.extra | default dict))) -}}
{{- end -}}

{{- define "causerie.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* Variables named after Services would look like settings of ours. */}}
{{- define "causerie.podBasics" -}}
enableServiceLinks: false
automountServiceAccountToken: false
{{- with include "causerie.pullSecrets" . }}
{{ . }}
{{- end }}
securityContext:
  {{- include "causerie.podSecurity" (dict "root" .) | nindent 2 }}
{{- include "causerie.otherPlacement" . }}
{{- end -}}

{{/* Where pods run that are no service's. */}}
{{- define "causerie.otherPlacement" -}}
{{- with .Values.otherPods }}
{{- with .priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- end -}}

{{/* The metadata of such a pod's template: (dict "root" $ "component" "migrate"), and `annotations` as needed. */}}
{{- define "causerie.otherMetadata" -}}
labels:
  {{- include (.labels | default "causerie.selector") . | nindent 2 }}
  {{- with .root.Values.otherPods.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with merge (dict) (.annotations | default dict) .root.Values.otherPods.podAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "causerie.volumes" -}}
- name: tmp
  emptyDir:
    sizeLimit: 64Mi
{{- if .Values.trust.configMap }}
- name: trust
  configMap:
    name: {{ .Values.trust.configMap }}
{{- else if .Values.trust.secret }}
- name: trust
  secret:
    secretName: {{ .Values.trust.secret }}
{{- end }}
{{- end -}}

{{- define "causerie.volumeMounts" -}}
- name: tmp
  mountPath: /tmp
{{- if or .Values.trust.configMap .Values.trust.secret }}
- name: trust
  mountPath: /etc/causerie/trust
  readOnly: true
{{- end }}
{{- end -}}

{{/* A container of our image that carries out one command on the schema: (dict "root" $ "name" "up" "args" (list …)). */}}
{{- define "causerie.schemaContainer" -}}
- name: {{ .name }}
  image: {{ include "causerie.image" (dict "root" .root "image" .root.Values.image) | quote }}
  imagePullPolicy: {{ .root.Values.image.pullPolicy }}
  args: {{ toJson .args }}
  env:
    {{- include "causerie.directDatabaseEnvironment" .root | trim | nindent 4 }}
  resources:
    {{- toYaml .root.Values.migrations.resources | nindent 4 }}
  securityContext:
    {{- include "causerie.containerSecurity" .root | nindent 4 }}
  volumeMounts:
    {{- include "causerie.volumeMounts" .root | nindent 4 }}
{{- end -}}

{{/* Zones first, then nodes, each release of a Deployment for itself. */}}
{{- define "causerie.topologySpread" -}}
{{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
- maxSkew: 1
  topologyKey: {{ . }}
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels:
      {{- include "causerie.selector" $ | nindent 6 }}
  matchLabelKeys: [pod-template-hash]
{{- end }}
{{- end -}}

{{/* preStop 10 s; the drain, which never sends away more than 1,000 a second; and 30 s for the last clients' farewell. */}}
{{- define "causerie.gracePeriod" -}}
{{- if eq .component "gateway" -}}
{{- add 10 (max (ceil .service.drainSeconds) (div (int .service.maxConnections) 1000)) 30 -}}
{{- else -}}
{{- .service.terminationGracePeriodSeconds -}}
{{- end -}}
{{- end -}}
