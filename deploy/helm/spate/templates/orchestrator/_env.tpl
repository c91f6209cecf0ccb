{{/* Hosts by which the orchestrator may be called, with commas. */}}
{{- define "spate.allowedHosts" -}}
{{- $all := include "spate.serviceNames" (dict "root" . "name" .Values.names.orchestrator) | fromYamlArray -}}
{{- if .Values.ingress.enabled }}{{ $all = concat $all .Values.ingress.hosts }}{{ end -}}
{{- if .Values.httpRoute.enabled }}{{ $all = concat $all .Values.httpRoute.hostnames }}{{ end -}}
{{- join "," (concat $all .Values.orchestrator.allowedHosts | uniq) -}}
{{- end }}

{{/* What the orchestrator is told, as a YAML list of variables. */}}
{{- define "spate.orchestrator.env" -}}
{{- $own := .Values.orchestrator -}}
{{ include "spate.sharedEnv" . }}
- name: SPATE_HOST
  value: 0.0.0.0
- name: SPATE_PORT
  value: "8080"
- name: SPATE_ALLOWED_HOSTS
  value: {{ include "spate.allowedHosts" . | quote }}
{{- if $own.archive.existingSecret }}
- name: SPATE_ARCHIVE_FILE
  value: /etc/spate/archive/url
{{- else }}
- name: SPATE_ARCHIVE
  value: sqlite:////var/lib/spate/spate.db
{{- end }}
- name: SPATE_SAMPLE_TARGET
  value: {{ ternary (printf "http://%s:8000" .Values.names.target) "none" .Values.target.enabled | quote }}
- name: SPATE_MAX_QUEUED
  value: {{ $own.maxQueued | quote }}
- name: SPATE_MAX_DRIVERS
  value: {{ .Values.maxDrivers | quote }}
- name: SPATE_KUBERNETES
  value: {{ ternary "on" "off" $own.kubernetes.enabled | quote }}
{{- if $own.kubernetes.enabled }}
- name: SPATE_KUBERNETES_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
- name: SPATE_KUBERNETES_DEPLOYMENT
  value: {{ .Values.names.driver | quote }}
- name: SPATE_KUBERNETES_SCALING
  value: {{ ternary "off" "on" .Values.driver.autoscaling.enabled | quote }}
{{- end }}
{{- end }}
