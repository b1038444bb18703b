{{/* One pod of `helm test`: (dict "root" $ "name" "api" "args" (list …) "env" "…"). */}}
{{- define "causerie.test" -}}
apiVersion: v1
kind: Pod
metadata:
  {{- $hook := dict "helm.sh/hook" "test" "helm.sh/hook-delete-policy" "before-hook-creation" }}
  {{- $annotations := merge (dict) $hook .root.Values.otherPods.podAnnotations }}
  {{- include "causerie.metadata" (dict "root" .root "component" "test" "suffix" .name "labels" .root.Values.otherPods.podLabels "annotations" $annotations) | nindent 2 }}
spec:
  restartPolicy: Never
  {{- include "causerie.podBasics" .root | nindent 2 }}
  containers:
    - name: {{ .name }}
      image: {{ include "causerie.image" (dict "root" .root "image" .root.Values.image) | quote }}
      imagePullPolicy: {{ .root.Values.image.pullPolicy }}
      args: {{ toJson .args }}
      {{- with .env }}
      env:
        {{- . | trim | nindent 8 }}
      {{- end }}
      resources:
        {{- toYaml .root.Values.migrations.resources | nindent 8 }}
      securityContext:
        {{- include "causerie.containerSecurity" .root | nindent 8 }}
      volumeMounts:
        {{- include "causerie.volumeMounts" .root | nindent 8 }}
  volumes:
    {{- include "causerie.volumes" .root | nindent 4 }}
{{- end -}}

{{- define "causerie.testToken" -}}
{{- if .Values.tests.tokenSecret }}
- name: TOKEN
  valueFrom:
    secretKeyRef:
      name: {{ .Values.tests.tokenSecret }}
      key: token
{{- else }}
{{ include "causerie.jwtEnvironment" . }}
{{- end }}
{{- end -}}
