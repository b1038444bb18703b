{{/* One Locust for the whole run; its status is that of the thresholds. */}}
{{- define "causerie.loadtestJob" -}}
{{- $full := include "causerie.fullname" . -}}
{{- $load := .Values.loadtest -}}
backoffLimit: 0
template:
  metadata:
    {{- include "causerie.otherMetadata" (dict "root" $ "component" "loadtest") | nindent 4 }}
  spec:
    restartPolicy: Never
    {{- include "causerie.podBasics" . | nindent 4 }}
    containers:
      - {{- include "causerie.loadtestContainer" (dict "root" $ "name" "locust") | nindent 8 }}
        args:
          - --gateway=ws://{{ $full }}-gateway:{{ .Values.gateway.service.port }}
          - --api=http://{{ $full }}-api:{{ .Values.api.service.port }}
          - --scenario={{ $load.scenario }}
          - --connections={{ int $load.connections }}
          - --arrivals={{ int $load.arrivals }}
          - --stretch={{ $load.stretch }}
          - --swarms={{ $load.pods }}
          - --meet=:5557
          - --out=/results/$(POD_NAME)
          {{- range $load.extraArgs }}
          - {{ . | quote }}
          {{- end }}
        ports:
          - {name: swarms, containerPort: 5557}
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

{{/* Each pod holds a part of the connections, from an address of its own, and does what Locust says. */}}
{{- define "causerie.swarmJob" -}}
completions: {{ .Values.loadtest.pods }}
parallelism: {{ .Values.loadtest.pods }}
backoffLimit: 0
template:
  metadata:
    {{- include "causerie.otherMetadata" (dict "root" $ "component" "swarm") | nindent 4 }}
  spec:
    restartPolicy: Never
    {{- include "causerie.podBasics" . | nindent 4 }}
    containers:
      - {{- include "causerie.loadtestContainer" (dict "root" $ "name" "swarm") | nindent 8 }}
        command: [python, -m, loadtest.swarm]
        args: ["{{ include "causerie.fullname" . }}-loadtest:5557"]
        volumeMounts:
          - {name: tmp, mountPath: /tmp}
    volumes:
      - {name: tmp, emptyDir: {sizeLimit: 64Mi}}
{{- end -}}

{{- define "causerie.loadtestContainer" -}}
{{- $load := .root.Values.loadtest -}}
name: {{ .name }}
image: {{ include "causerie.image" (dict "root" .root "image" $load.image) | quote }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
env:
  {{- include "causerie.podName" .root | nindent 2 }}
  {{- include "causerie.jwtEnvironment" .root | trim | nindent 2 }}
resources:
  {{- toYaml $load.resources | nindent 2 }}
securityContext:
  {{- include "causerie.containerSecurity" .root | nindent 2 }}
{{- end -}}
