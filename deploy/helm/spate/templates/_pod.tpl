{{/* What every pod has: Pod Security "restricted", no token, no variables about services.
     Takes root, account, uid, token (whether the account's token is mounted). */}}
{{- define "spate.pod" -}}
serviceAccountName: {{ .account }}
automountServiceAccountToken: {{ .token | default false }}
# Kubernetes would set KAFKA_PORT and the like, which Kafka's image takes for settings.
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: {{ .uid }}
  runAsGroup: {{ .uid }}
  fsGroup: {{ .uid }}
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end }}

{{/* The security of every container. */}}
{{- define "spate.container" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* Where a pod may run. Takes a component's values. */}}
{{- define "spate.placement" -}}
{{- with .nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end }}

{{/* Metadata of a pod template. Takes root, component, values, and annotations of the chart's. */}}
{{- define "spate.podMetadata" -}}
labels:
  {{- include "spate.selector" . | nindent 2 }}
  {{- with .values.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with merge (dict) (.annotations | default dict) .values.podAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* The line `replicas: N`, or nothing. Without a number the chart does not own the field: whoever
     scaled by hand would be in conflict with the next upgrade. A number is stated as the live object
     has it, for the same reason. Takes root, name, replicas. */}}
{{- define "spate.replicas" -}}
{{- if not (kindIs "invalid" .replicas) -}}
{{- $live := lookup "apps/v1" "Deployment" .root.Release.Namespace .name -}}
replicas: {{ dig "spec" "replicas" .replicas ($live | default dict) | int }}
{{- end -}}
{{- end }}
