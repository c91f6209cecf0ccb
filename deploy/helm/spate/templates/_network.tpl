{{/* Egress rules to DNS, as a YAML list: resolvers are in the cluster, on the node or beside it. */}}
{{- define "spate.egress.dns" -}}
- ports:
    - port: 53
      protocol: UDP
    - port: 53
      protocol: TCP
{{- end }}

{{/* Egress rules to Kafka, as a YAML list. An external one may be anywhere, at the ports of its
     bootstrap servers. */}}
{{- define "spate.egress.kafka" -}}
{{- if eq .Values.kafka.mode "external" -}}
- ports:
    {{- $ports := list }}
    {{- range splitList "," .Values.kafka.external.bootstrapServers }}
    {{- $ports = append $ports (. | trim | splitList ":" | last | int) }}
    {{- end }}
    {{- range uniq $ports }}
    - port: {{ . }}
    {{- end }}
{{- else if eq .Values.kafka.mode "strimzi" -}}
- ports:
    - port: 9092
  to:
    - podSelector:
        matchLabels:
          strimzi.io/cluster: {{ .Values.names.kafka }}
          strimzi.io/kind: Kafka
{{- else -}}
- ports:
    - port: 9092
  to:
    - podSelector:
        matchLabels:
          {{- include "spate.selector" (dict "root" . "component" "kafka") | nindent 10 }}
{{- end -}}
{{- end }}
