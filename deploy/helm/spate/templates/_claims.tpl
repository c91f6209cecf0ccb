{{/* The volume claims that outlive the release, as a YAML list. */}}
{{- define "spate.claims" -}}
{{- $kept := .Values.orchestrator.persistence }}
{{- if and $kept.enabled (not $kept.existingClaim) (not .Values.orchestrator.archive.existingSecret) }}
- {{ .Values.names.orchestrator }}-archive
{{- end }}
{{- if and (eq .Values.kafka.mode "bundled") .Values.kafka.bundled.persistence.enabled }}
- data-{{ .Values.names.kafka }}-0
{{- end }}
{{- if eq .Values.kafka.mode "strimzi" }}
{{- range $k := until (int .Values.kafka.strimzi.replicas) }}
- data-0-{{ $.Values.names.kafka }}-broker-{{ $k }}
{{- end }}
{{- end }}
{{- end }}
