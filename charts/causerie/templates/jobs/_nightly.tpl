{{/* A CronJob of commands, one after another: (dict "root" $ "component" "partitions" "values" … "steps" (list (dict "name" "args"))). */}}
{{- define "causerie.nightly" -}}
apiVersion: batch/v1
kind: CronJob
metadata:
  {{- include "causerie.metadata" . | nindent 2 }}
spec:
  schedule: {{ .values.schedule | quote }}
  timeZone: Etc/UTC
  concurrencyPolicy: Forbid
  startingDeadlineSeconds: 3600
  successfulJobsHistoryLimit: 3
  failedJobsHistoryLimit: 5
  jobTemplate:
    spec:
      backoffLimit: 2
      activeDeadlineSeconds: {{ .values.activeDeadlineSeconds }}
      template:
        metadata:
          {{- include "causerie.otherMetadata" (dict "root" .root "component" .component "labels" "causerie.labels") | nindent 10 }}
        spec:
          restartPolicy: Never
          {{- include "causerie.podBasics" .root | nindent 10 }}
          {{- with initial .steps }}
          # One after another; the first that fails fails the run.
          initContainers:
            {{- range . }}
            {{- include "causerie.schemaContainer" (dict "root" $.root "name" .name "args" .args) | nindent 12 }}
            {{- end }}
          {{- end }}
          containers:
            {{- with last .steps }}
            {{- include "causerie.schemaContainer" (dict "root" $.root "name" .name "args" .args) | nindent 12 }}
            {{- end }}
          volumes:
            {{- include "causerie.volumes" .root | nindent 12 }}
{{- end -}}
