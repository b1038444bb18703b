{{/* What the three stores of an evaluation share. */}}

{{/* (dict "root" $ "component" "nats" "ports" (dict "client" 4222)) */}}
{{- define "causerie.evaluationService" -}}
apiVersion: v1
kind: Service
metadata:
  {{- include "causerie.metadata" . | nindent 2 }}
spec:
  # One pod with a name of its own, found before it is ready: whoever waits for it does so by asking.
  clusterIP: None
  publishNotReadyAddresses: true
  selector:
    {{- include "causerie.selector" . | nindent 4 }}
  ports:
    {{- range $name, $port := .ports }}
    - {name: {{ $name }}, port: {{ $port }}, targetPort: {{ $name }}}
    {{- end }}
{{- end -}}

{{/* Its pods carry no label that changes with a release: nothing of an upgrade should restart a store. */}}
{{- define "causerie.evaluationSet" -}}
replicas: 1
serviceName: {{ include "causerie.fullname" .root }}-{{ .component }}
revisionHistoryLimit: 2
selector:
  matchLabels:
    {{- include "causerie.selector" . | nindent 4 }}
{{- end -}}

{{/* (dict "root" $ "user" 999) */}}
{{- define "causerie.evaluationPod" -}}
enableServiceLinks: false
automountServiceAccountToken: false
{{- with include "causerie.pullSecrets" .root }}
{{ . }}
{{- end }}
securityContext:
  {{- include "causerie.podSecurity" (dict "user" .user) | nindent 2 }}
{{- include "causerie.otherPlacement" .root }}
{{- end -}}

{{- define "causerie.evaluationData" -}}
{{- if not .Values.evaluation.persistence.enabled }}
- {name: data, emptyDir: {}}
{{- end }}
{{- end -}}

{{- define "causerie.evaluationClaims" -}}
{{- with .Values.evaluation.persistence }}
{{- if .enabled }}
volumeClaimTemplates:
  - apiVersion: v1
    kind: PersistentVolumeClaim
    metadata:
      name: data
    spec:
      accessModes: [ReadWriteOnce]
      {{- with .storageClass }}
      storageClassName: {{ . }}
      {{- end }}
      resources:
        requests:
          storage: {{ .size }}
{{- end }}
{{- end }}
{{- end -}}
