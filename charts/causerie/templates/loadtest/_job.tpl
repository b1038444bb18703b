{{/* Each pod is a Locust of its own that drives its own swarms; a broken threshold fails its pod. */}}
{{- define "causerie.loadtestJob" -}}
{{- $full := include "causerie.fullname" . -}}
{{- $load := .Values.loadtest -}}
completionMode: Indexed
completions: {{ $load.pods }}
parallelism: {{ $load.pods }}
backoffLimit: 0
template:
  metadata:
    labels:
      {{- include "causerie.selector" (dict "root" $ "component" "loadtest") | nindent 6 }}
  spec:
    restartPolicy: Never
    {{- include "causerie.podBasics" . | nindent 4 }}
    containers:
      - name: locust
        image: {{ include "causerie.image" (dict "root" $ "image" $load.image) | quote }}
        imagePullPolicy: {{ .Values.image.pullPolicy }}
        args:
          - --gateway=ws://{{ $full }}-gateway:{{ .Values.gateway.service.port }}
          - --api=http://{{ $full }}-api:{{ .Values.api.service.port }}
          - --scenario={{ $load.scenario }}
          - --connections={{ int $load.connections }}
          - --arrivals={{ int $load.arrivals }}
          - --stretch={{ $load.stretch }}
          - --out=/results/$(POD_NAME)
          {{- range $load.extraArgs }}
          - {{ . | quote }}
          {{- end }}
        env:
          {{- include "causerie.podName" . | nindent 10 }}
          {{- include "causerie.jwtEnvironment" . | trim | nindent 10 }}
        resources:
          {{- toYaml $load.resources | nindent 10 }}
        securityContext:
          {{- include "causerie.containerSecurity" . | nindent 10 }}
        volumeMounts:
          - {name: tmp, mountPath: /tmp}
          - {name: results, mountPath: /results}
    volumes:
      - {name: tmp, emptyDir: {sizeLimit: 64Mi}}
      - name: results
        {{- if $load.existingClaim }}
        persistentVolumeClaim: {claimName: {{ $load.existingClaim }}}
        {{- else }}
        emptyDir: {sizeLimit: 1Gi}
        {{- end }}
{{- end -}}
