{{/* Where Kafka is: HOST:PORT, or several with commas. */}}
{{- define "spate.kafka.bootstrap" -}}
{{- $kafka := .Values.kafka -}}
{{- if eq $kafka.mode "external" -}}
{{ $kafka.external.bootstrapServers }}
{{- else if eq $kafka.mode "strimzi" -}}
{{ .Values.names.kafka }}-kafka-bootstrap.{{ .Release.Namespace }}.svc:9092
{{- else -}}
{{ .Values.names.kafka }}.{{ .Release.Namespace }}.svc:9092
{{- end -}}
{{- end }}

{{/* What orchestrator and drivers are told alike, as a YAML list of variables. */}}
{{- define "spate.sharedEnv" -}}
{{- $external := .Values.kafka.external -}}
- name: SPATE_KAFKA_BOOTSTRAP
  value: {{ include "spate.kafka.bootstrap" . | quote }}
{{- if eq .Values.kafka.mode "external" }}
- name: SPATE_KAFKA_SECURITY
  value: {{ $external.security | quote }}
{{- if hasPrefix "sasl" $external.security }}
- name: SPATE_KAFKA_SASL_MECHANISM
  value: {{ $external.sasl.mechanism | quote }}
- name: SPATE_KAFKA_USERNAME
  value: {{ $external.sasl.username | quote }}
- name: SPATE_KAFKA_PASSWORD_FILE
  value: /etc/spate/kafka/password
{{- end }}
{{- if $external.tls.ca }}
- name: SPATE_KAFKA_CA
  value: /etc/spate/kafka/ca.crt
{{- end }}
{{- if $external.tls.clientCertificate }}
- name: SPATE_KAFKA_CERTIFICATE
  value: /etc/spate/kafka/tls.crt
- name: SPATE_KAFKA_KEY
  value: /etc/spate/kafka/tls.key
{{- end }}
{{- end }}
- name: SPATE_TOPIC_PREFIX
  value: {{ .Values.kafka.topicPrefix | quote }}
- name: SPATE_ALLOWED_TARGETS
  value: {{ include "spate.allowedTargets" . | quote }}
- name: SPATE_LOG_LEVEL
  value: {{ .Values.logLevel | quote }}
- name: SPATE_LOG_FORMAT
  value: {{ .Values.logFormat | quote }}
{{- end }}

{{/* The volume with Kafka's secret, and where it is mounted; nothing where there is none. */}}
{{- define "spate.kafka.volume" -}}
{{- if eq .Values.kafka.mode "external" }}
{{- with .Values.kafka.external.existingSecret }}
- name: kafka
  secret:
    secretName: {{ . }}
{{- end }}
{{- end }}
{{- end }}

{{- define "spate.kafka.mount" -}}
{{- if and (eq .Values.kafka.mode "external") .Values.kafka.external.existingSecret }}
- name: kafka
  mountPath: /etc/spate/kafka
  readOnly: true
{{- end }}
{{- end }}

{{/* The allowlist: what the values say, and the bundled target by all its names. */}}
{{- define "spate.allowedTargets" -}}
{{- $all := .Values.allowedTargets -}}
{{- if .Values.target.enabled -}}
{{- $names := dict "root" . "name" .Values.names.target -}}
{{- $all = concat $all (include "spate.serviceNames" $names | fromYamlArray) -}}
{{- end -}}
{{- join "," ($all | uniq) -}}
{{- end }}
