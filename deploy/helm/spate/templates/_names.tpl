{{/* Labels by which a component's pods are found. They never change. Takes root, component. */}}
{{- define "spate.selector" -}}
app.kubernetes.io/name: spate
app.kubernetes.io/instance: {{ .root.Release.Name | quote }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{/* Labels of an object. Takes root, component. */}}
{{- define "spate.labels" -}}
{{ include "spate.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: spate
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end }}

{{/* The first lines of an object's metadata. Takes root, component, name. */}}
{{- define "spate.metadata" -}}
name: {{ .name }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "spate.labels" . | nindent 2 }}
{{- end }}

{{/* An image of ours. Takes root, image. */}}
{{- define "spate.image" -}}
{{- $repository := .image.repository -}}
{{- with .root.Values.image.registry -}}
{{- $repository = printf "%s/%s" (. | trimSuffix "/") $repository -}}
{{- end -}}
{{- $tag := .image.tag | default .root.Values.image.tag | default .root.Chart.AppVersion -}}
{{- printf "%s:%s" $repository $tag -}}
{{- with .image.digest -}}@{{ . }}{{- end -}}
{{- end }}

{{/* Every name by which a service of this namespace may be called, as a YAML list. Takes root,
     name. */}}
{{- define "spate.serviceNames" -}}
{{- $svc := printf "%s.%s.svc" .name .root.Release.Namespace -}}
- {{ .name }}
- {{ .name }}.{{ .root.Release.Namespace }}
- {{ $svc }}
- {{ $svc }}.{{ .root.Values.clusterDomain }}
{{- end }}
