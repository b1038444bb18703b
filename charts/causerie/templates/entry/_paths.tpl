{{/* What belongs to the gateway; everything else is the API's. Pusher's HTTP API at /apps is not below /app. */}}
{{- define "causerie.gatewayPaths" -}}
- {path: /ws, type: Exact}
- {path: /app, type: PathPrefix}
- {path: /socket.io, type: PathPrefix}
- {path: /v1/stream, type: Exact}
{{- end -}}
