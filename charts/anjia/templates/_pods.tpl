{{/* What every pod has in common. Arguments as in _names.tpl, with "account", the name of its ServiceAccount. */}}

{{- define "anjia.pod" -}}
serviceAccountName: {{ .account }}
automountServiceAccountToken: false
# Kubernetes would set PAYMENT_PORT and the like, which nobody asked for.
enableServiceLinks: false
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with .root.Values.pods.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .root.Values.pods.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.pods.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  # A full anchor is not walked through at every start.
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- end }}

{{/* With "image" and "resources" where it is none of the services. */}}
{{- define "anjia.container" -}}
image: {{ .image | default (include "anjia.image" .) | quote }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- $own := .resources | default (dig .service "resources" dict .root.Values.services) }}
resources: {{- mustMergeOverwrite (deepCopy .root.Values.resources) (deepCopy ($own | default dict)) | toYaml | nindent 2 }}
{{- end }}

{{/* Pods in every zone, and on every node. */}}
{{- define "anjia.spread" -}}
topologySpreadConstraints:
  {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - topologyKey: {{ . }}
    maxSkew: 1
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "anjia.selector" $ | nindent 8 }}
    matchLabelKeys: [pod-template-hash]
  {{- end }}
{{- end }}

{{/* Certificate, key and CAs in one volume, so that they change in one moment. With "secret", that of another than cert-manager. */}}
{{- define "anjia.tlsVolume" -}}
- name: tls
  projected:
    defaultMode: 0440
    sources:
      - secret:
          name: {{ .secret | default (printf "%s-tls" (include "anjia.name" .)) }}
          items:
            - {key: tls.crt, path: tls.crt}
            - {key: tls.key, path: tls.key}
            {{- if not .root.Values.tls.ca }}
            - {key: ca.crt, path: ca.crt}
            {{- end }}
      {{- with .root.Values.tls.ca }}
      - {{ include "anjia.source" (merge (dict "as" "ca.crt") .) }}
      {{- end }}
{{- end }}

{{/* Settings whose values lie in Secrets. Argument: the map of a service's `secrets` or `migrate`. */}}
{{- define "anjia.secretEnv" -}}
{{- range $setting, $from := . }}
- name: {{ $setting }}
  valueFrom: {secretKeyRef: {name: {{ $from.secret }}, key: {{ $from.key }}}}
{{- end }}
{{- end }}

{{/* Settings that name a file. Argument: a service's `files`. */}}
{{- define "anjia.fileEnv" -}}
{{- range $setting, $from := . }}
- name: {{ $setting }}
  value: /etc/anjia/{{ include "anjia.kebab" $setting }}/{{ $from.key }}
{{- end }}
{{- end }}

{{/* Where those files are mounted: never by subPath, which would not follow a change. */}}
{{- define "anjia.fileMounts" -}}
{{- range $setting, $_ := . }}
- {name: {{ include "anjia.kebab" $setting }}, mountPath: /etc/anjia/{{ include "anjia.kebab" $setting }}, readOnly: true}
{{- end }}
{{- end }}

{{- define "anjia.fileVolumes" -}}
{{- range $setting, $from := . }}
- name: {{ include "anjia.kebab" $setting }}
  projected: {defaultMode: 0440, sources: [{{ include "anjia.source" $from }}]}
{{- end }}
{{- end }}

{{/* One key of a Secret or a ConfigMap, as a source of a projected volume. */}}
{{- define "anjia.source" -}}
{{- if .secret -}}
{secret: {name: {{ .secret }}, items: [{key: {{ .key }}, path: {{ .as | default .key }}}]}}
{{- else -}}
{configMap: {name: {{ .configMap }}, items: [{key: {{ .key }}, path: {{ .as | default .key }}}]}}
{{- end -}}
{{- end }}

{{/* CAs of those whom the mesh's own CA does not name, if not the image's: what looks up the system's CAs goes by SSL_CERT_FILE.
     Argument: $. */}}
{{- define "anjia.trustEnv" -}}
{{- with .Values.trustedCAs }}
- {name: SSL_CERT_FILE, value: /etc/anjia/trusted-cas/{{ .key }}}
{{- end }}
{{- end }}

{{- define "anjia.trustMounts" -}}
{{- if .Values.trustedCAs }}
- {name: trusted-cas, mountPath: /etc/anjia/trusted-cas, readOnly: true}
{{- end }}
{{- end }}

{{- define "anjia.trustVolumes" -}}
{{- with .Values.trustedCAs }}
- name: trusted-cas
  projected: {defaultMode: 0440, sources: [{{ include "anjia.source" . }}]}
{{- end }}
{{- end }}
