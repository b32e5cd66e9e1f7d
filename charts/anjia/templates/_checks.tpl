{{/* What the schema cannot say: values that only make sense together. One line a problem, each beginning with a path. */}}

{{- define "anjia.problems" -}}
{{- $values := .Values }}
{{- if not $values.image.registry }}
image.registry is empty: say where the images lie
{{- end }}
{{- range $name, $service := $values.services }}
{{- range $service.calls }}
{{- if not (hasKey $values.services .) }}
services.{{ $name }}.calls names {{ . }}, which is none of services
{{- end }}
{{- end }}
{{- if gt (int $service.replicas.min) (int $service.replicas.max) }}
services.{{ $name }}.replicas.min is more than its max
{{- end }}
{{- $files := $service.files | default dict }}
{{- $folders := $service.folders | default dict }}
{{- $settings := merge (dict) ($service.settings | default dict) $values.settings }}
{{- if and $files.WRAPPING_KEY_FILE $settings.KMS_URL }}
services.{{ $name }}.files.WRAPPING_KEY_FILE and settings.KMS_URL exclude each other
{{- else if not (or $files.WRAPPING_KEY_FILE $settings.KMS_URL) }}
settings.KMS_URL is empty and services.{{ $name }}.files.WRAPPING_KEY_FILE is missing: nobody wraps its data keys
{{- end }}
{{- if not (or $files.CLIENT_KEY_FILE $folders.TOKEN_KEY_FOLDER) }}
services.{{ $name }}.files.CLIENT_KEY_FILE is missing: only who has folders.TOKEN_KEY_FOLDER makes tokens for itself
{{- end }}
{{- if not (or $values.tls.issuer.name $service.tlsSecret) }}
tls.issuer.name is empty and services.{{ $name }}.tlsSecret is missing: it has no certificate
{{- end }}
{{- if $values.networkPolicy.enabled }}
{{- if and ($service.secrets | default dict).REDIS_URL (not $values.networkPolicy.redis.to) }}
networkPolicy.redis.to is empty, and services.{{ $name }}.secrets.REDIS_URL is set
{{- end }}
{{- if and $settings.KMS_URL (not $values.networkPolicy.kms.to) }}
networkPolicy.kms.to is empty, and settings.KMS_URL of services.{{ $name }} is set
{{- end }}
{{- if and $settings.OTEL_EXPORTER_OTLP_ENDPOINT (not $values.networkPolicy.otlp.to) }}
networkPolicy.otlp.to is empty, and settings.OTEL_EXPORTER_OTLP_ENDPOINT of services.{{ $name }} is set
{{- end }}
{{- end }}
{{- end }}
{{- with $values.gateway }}
{{- if .enabled }}
{{- if and .callerCAs (not $values.tls.partnerCAs) }}
tls.partnerCAs is empty, and gateway.callerCAs is set: no service would know the partners whom it lets in
{{- end }}
{{- if not .certificate }}
gateway.certificate is empty: callers would see none
{{- end }}
{{- if not (or $values.tls.issuer.name .tlsSecret) }}
tls.issuer.name is empty and gateway.tlsSecret, too: it has no certificate towards the services
{{- end }}
{{- if gt (int .replicas.min) (int .replicas.max) }}
gateway.replicas.min is more than its max
{{- end }}
{{- if and $values.networkPolicy.enabled (not .clients) }}
gateway.clients is empty: nobody would reach it
{{- end }}
{{- end }}
{{- end }}
{{- if hasKey $values.services "gateway" }}
services.gateway is the gateway's own name: it is set up by gateway
{{- end }}
{{- if and $values.networkPolicy.enabled (not $values.networkPolicy.postgres.to) }}
networkPolicy.postgres.to is empty: no service would reach its database
{{- end }}
{{- if and $values.networkPolicy.enabled $values.monitoring.podMonitor.enabled (not $values.networkPolicy.prometheus) }}
networkPolicy.prometheus is empty, and monitoring.podMonitor.enabled is set
{{- end }}
{{- if ge (int $values.tls.renewBeforeH) (int $values.tls.durationH) }}
tls.renewBeforeH is not less than tls.durationH
{{- end }}
{{- end }}
