{{/* What a driver is told, as a YAML list of variables. */}}
{{- define "spate.driver.env" -}}
{{- $labels := list "node=$(NODE_NAME)" -}}
{{- range $key, $value := .Values.driver.labels }}{{ $labels = append $labels (printf "%s=%s" $key $value) }}{{ end -}}
{{ include "spate.sharedEnv" . }}
- name: SPATE_DRIVER_ID
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
- name: NODE_NAME
  valueFrom:
    fieldRef:
      fieldPath: spec.nodeName
- name: SPATE_DRIVER_LABELS
  value: {{ join "," $labels | quote }}
- name: SPATE_DRIVER_ADDRESS
  value: 0.0.0.0:9101
- name: SPATE_DRIVER_PROCESSES
  value: {{ .Values.driver.processes | quote }}
- name: SPATE_DRIVER_CPUS
  value: {{ .Values.driver.cpus | quote }}
{{- end }}

{{/* The names of the ports at which a pod's driver processes tell their metrics, as a YAML list:
     process k takes 9101 + k. */}}
{{- define "spate.driver.ports" -}}
{{- range $k := until (int .Values.driver.processes) }}
- metrics{{ if $k }}-{{ $k }}{{ end }}
{{- end }}
{{- end }}
