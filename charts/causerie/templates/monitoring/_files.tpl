{{/* From the path of a rule or a dashboard, a part of an object's name. */}}
{{- define "causerie.fileName" -}}
{{- base . | trimSuffix (ext .) | lower | replace "_" "-" | trunc 12 | trimSuffix "-" -}}
{{- end -}}
