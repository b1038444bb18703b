{{- define "causerie.secretJob" -}}
backoffLimit: 10
ttlSecondsAfterFinished: {{ .Values.migrations.ttlSecondsAfterFinished }}
template:
  metadata:
    {{- include "causerie.otherMetadata" (dict "root" $ "component" "secrets") | nindent 4 }}
  spec:
    restartPolicy: OnFailure
    serviceAccountName: {{ include "causerie.fullname" . }}-secrets
    {{- include "causerie.podBasics" . | replace "automountServiceAccountToken: false" "automountServiceAccountToken: true" | nindent 4 }}
    containers:
      - name: secrets
        image: {{ include "causerie.image" (dict "root" $ "image" .Values.image) | quote }}
        imagePullPolicy: {{ .Values.image.pullPolicy }}
        args: [evaluation-secret, {{ include "causerie.evaluationSecret" . }}]
        resources:
          {{- toYaml .Values.migrations.resources | nindent 10 }}
        securityContext:
          {{- include "causerie.containerSecurity" . | nindent 10 }}
        volumeMounts:
          - name: tmp
            mountPath: /tmp
    volumes:
      - name: tmp
        emptyDir:
          sizeLimit: 64Mi
{{- end -}}
