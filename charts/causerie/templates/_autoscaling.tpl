{{/* How fast it scales, for HPA and KEDA alike: up at once, down slowly, for every pod that goes sends its sockets away. */}}
{{- define "causerie.scalingBehavior" -}}
{{- if .Values.autoscaling.behavior -}}
{{ toYaml .Values.autoscaling.behavior }}
{{- else -}}
scaleUp:
  stabilizationWindowSeconds: 0
  selectPolicy: Max
  policies:
    - {type: Percent, value: 100, periodSeconds: 60}
    - {type: Pods, value: 4, periodSeconds: 60}
scaleDown:
  stabilizationWindowSeconds: 600
  selectPolicy: Max
  policies:
    - {type: Pods, value: 1, periodSeconds: 120}
{{- end -}}
{{- end -}}

{{/* Whether a service is scaled by the given provider: "true" or nothing. */}}
{{- define "causerie.scaledBy" -}}
{{- if and (index .root.Values .component).autoscaling.enabled (eq .root.Values.autoscaling.provider .provider) -}}true{{- end -}}
{{- end -}}
