{{/* Names, labels and images: the words every object begins with. A component is `api`, `gateway`, `migrate` … */}}

{{/* At most 40 characters, so that a CronJob's jobs and a StatefulSet's revisions still fit into 63. */}}
{{- define "causerie.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- default $full .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "causerie.selector" -}}
app.kubernetes.io/name: {{ default .root.Chart.Name .root.Values.nameOverride | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- with .component }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end -}}

{{- define "causerie.labels" -}}
{{ include "causerie.selector" . }}
app.kubernetes.io/version: {{ .root.Values.image.tag | default .root.Chart.AppVersion | trunc 63 | trimSuffix "-" | quote }}
app.kubernetes.io/part-of: causerie
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The metadata of an object: (dict "root" $ "component" "api"), and `name`, `suffix`, `labels`, `annotations` as needed. */}}
{{- define "causerie.metadata" -}}
{{- $made := without (list (include "causerie.fullname" .root) .component .suffix) nil "" | join "-" -}}
name: {{ .name | default $made }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "causerie.labels" . | nindent 2 }}
  {{- with .labels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with merge (dict) (.annotations | default dict) .root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* (dict "root" $ "image" .Values.image): a digest wins over a tag, the global registry over the image's own. */}}
{{- define "causerie.image" -}}
{{- $registry := .root.Values.global.imageRegistry | default .image.registry -}}
{{- $version := ternary (printf "@%s" .image.digest) (printf ":%s" (.image.tag | default .root.Chart.AppVersion)) (ne .image.digest "") -}}
{{- with $registry }}{{ . }}/{{ end }}{{ .image.repository }}{{ $version }}
{{- end -}}

{{- define "causerie.pullSecrets" -}}
{{- with concat .Values.global.imagePullSecrets .Values.image.pullSecrets | uniq -}}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end -}}

{{- define "causerie.serviceAccountName" -}}
{{- $account := (index .root.Values .component).serviceAccount -}}
{{- $made := printf "%s-%s" (include "causerie.fullname" .root) .component -}}
{{- default (ternary $made "default" $account.create) $account.name -}}
{{- end -}}
