{{- define "causerie.migrateJob" -}}
backoffLimit: 6
activeDeadlineSeconds: 3600
ttlSecondsAfterFinished: {{ .Values.migrations.ttlSecondsAfterFinished }}
template:
  metadata:
    {{- include "causerie.otherMetadata" (dict "root" $ "component" "migrate") | nindent 4 }}
  spec:
    restartPolicy: Never
    {{- include "causerie.podBasics" . | nindent 4 }}
    initContainers:
      {{- include "causerie.schemaContainer" (dict "root" $ "name" "migrate" "args" (list "migrate" "up" "--wait" (print .Values.migrations.waitSeconds "s"))) | nindent 6 }}
    containers:
      # A new database has no months yet.
      {{- include "causerie.schemaContainer" (dict "root" $ "name" "partitions" "args" (list "partitions" "ensure" "--months-ahead" (toString .Values.partitions.monthsAhead))) | nindent 6 }}
    volumes:
      {{- include "causerie.volumes" . | nindent 6 }}
{{- end -}}
