{{/* Names and labels. Arguments are (dict "root" $ "service" NAME "component" serve|migrate|bootstrap). */}}

{{- define "anjia.name" -}}
{{ .root.Release.Name }}-{{ .service }}
{{- end }}

{{- define "anjia.selector" -}}
app.kubernetes.io/name: {{ .service }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{/* Of a pod: nothing that changes with the chart alone, which would replace it. */}}
{{- define "anjia.podLabels" -}}
{{ include "anjia.selector" . }}
app.kubernetes.io/version: {{ .root.Values.image.tag | default .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: anjia
{{- end }}

{{- define "anjia.labels" -}}
{{ include "anjia.podLabels" . }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
{{- end }}

{{/* Who serves, by name: the services, and the gateway before them. For what needs no more than a name, replicas and a certificate. */}}
{{- define "anjia.serving" -}}
{{- $all := deepCopy .Values.services }}
{{- if .Values.gateway.enabled }}
{{- $_ := set $all "gateway" .Values.gateway }}
{{- end }}
{{- toYaml $all }}
{{- end }}

{{- define "anjia.image" -}}
{{ .root.Values.image.registry }}/{{ .service }}:{{ .root.Values.image.tag | default .root.Chart.AppVersion }}
{{- end }}

{{/* The name of a setting as Kubernetes has names: TOKEN_KEY_FOLDER is token-key-folder. */}}
{{- define "anjia.kebab" -}}
{{ . | lower | replace "_" "-" }}
{{- end }}

{{- define "anjia.peer" -}}
podSelector: {matchLabels: {app.kubernetes.io/name: {{ .service }}, app.kubernetes.io/instance: {{ .root.Release.Name }}, app.kubernetes.io/component: serve}}
{{- end }}
