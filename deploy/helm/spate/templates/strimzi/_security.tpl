{{/* Pod Security "restricted" as Strimzi's templates take it. */}}
{{- define "spate.strimzi.pod" -}}
securityContext:
  runAsNonRoot: true
  seccompProfile:
    type: RuntimeDefault
{{- end }}

{{- define "spate.strimzi.container" -}}
securityContext:
  allowPrivilegeEscalation: false
  runAsNonRoot: true
  capabilities:
    drop: [ALL]
{{- end }}
