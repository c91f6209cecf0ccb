{{/* What is wrong with values that are each right alone, as a YAML list of sentences. */}}
{{- define "spate.refusals" -}}
{{- include "spate.refusals.fleet" . }}
{{- include "spate.refusals.kafka" . }}
{{- include "spate.refusals.strimzi" . }}
{{- include "spate.refusals.access" . }}
{{- include "spate.refusals.pods" . }}
{{- end }}

{{/* One sentence of the list. */}}
{{- define "spate.refusal" }}
- {{ . | quote }}
{{- end }}

{{- define "spate.refusals.fleet" -}}
{{- $driver := .Values.driver -}}
{{- if and (not .Values.target.enabled) (not .Values.allowedTargets) -}}
{{- include "spate.refusal" "allowedTargets is empty and target.enabled is false, so there is nothing to load: name hosts, *.suffixes or networks in allowedTargets, or enable the target" -}}
{{- end -}}
{{- if $driver.autoscaling.enabled -}}
{{- if not (kindIs "invalid" $driver.replicas) -}}
{{- include "spate.refusal" "driver.replicas and driver.autoscaling.enabled both set the number of drivers: leave driver.replicas at null" -}}
{{- end -}}
{{- if gt (int $driver.autoscaling.minReplicas) (int $driver.autoscaling.maxReplicas) -}}
{{- include "spate.refusal" (printf "driver.autoscaling.minReplicas is %d, more than driver.autoscaling.maxReplicas, which is %d" (int $driver.autoscaling.minReplicas) (int $driver.autoscaling.maxReplicas)) -}}
{{- end -}}
{{- if gt (int $driver.autoscaling.maxReplicas) (int .Values.maxDrivers) -}}
{{- include "spate.refusal" (printf "driver.autoscaling.maxReplicas is %d, more than maxDrivers, which is %d: raise maxDrivers or lower the other" (int $driver.autoscaling.maxReplicas) (int .Values.maxDrivers)) -}}
{{- end -}}
{{- if not (dig "requests" "cpu" "" $driver.resources) -}}
{{- include "spate.refusal" "driver.autoscaling.enabled needs driver.resources.requests.cpu: the autoscaler aims for a share of it" -}}
{{- end -}}
{{- end -}}
{{- if gt (int ($driver.replicas | default 0)) (int .Values.maxDrivers) -}}
{{- include "spate.refusal" (printf "driver.replicas is %d, more than maxDrivers, which is %d: raise maxDrivers or lower the other" (int $driver.replicas) (int .Values.maxDrivers)) -}}
{{- end -}}
{{- $asked := dig "requests" "cpu" "" $driver.resources | toString -}}
{{- $most := dig "limits" "cpu" "" $driver.resources | toString -}}
{{- if and (eq $driver.cpus "auto") (or (ne $asked $most) (not (regexMatch "^[0-9]+$" $asked))) -}}
{{- include "spate.refusal" "driver.cpus is auto, and driver.resources.requests.cpu and driver.resources.limits.cpu are not the same whole number: only then has a pod CPUs of its own" -}}
{{- else if and (eq $driver.cpus "auto") (lt (int $asked) (int $driver.processes)) -}}
{{- include "spate.refusal" (printf "driver.processes is %d, more than driver.resources.requests.cpu, which is %s, and driver.cpus is auto: processes would share a CPU" (int $driver.processes) $asked) -}}
{{- end -}}
{{- if and (has (toString $driver.rollingUpdate.maxSurge) (list "0" "0%")) (has (toString $driver.rollingUpdate.maxUnavailable) (list "0" "0%")) -}}
{{- include "spate.refusal" "driver.rollingUpdate.maxSurge and driver.rollingUpdate.maxUnavailable are both 0, so no driver could ever be replaced: raise one" -}}
{{- end -}}
{{- end }}

{{- define "spate.refusals.kafka" -}}
{{- $external := .Values.kafka.external -}}
{{- $sasl := hasPrefix "sasl" $external.security -}}
{{- $tls := hasSuffix "ssl" $external.security -}}
{{- if eq .Values.kafka.mode "external" -}}
{{- if not $external.bootstrapServers -}}
{{- include "spate.refusal" "kafka.external.bootstrapServers is empty, and kafka.mode is external: write HOST:PORT, or several with commas" -}}
{{- end -}}
{{- if and $sasl (not $external.sasl.username) -}}
{{- include "spate.refusal" (printf "kafka.external.sasl.username is empty, and kafka.external.security is %s: name the user" $external.security) -}}
{{- end -}}
{{- if and $sasl (not $external.existingSecret) -}}
{{- include "spate.refusal" (printf "kafka.external.existingSecret is empty, and kafka.external.security is %s: name a secret whose key password holds the password" $external.security) -}}
{{- end -}}
{{- if and $external.sasl.username (not $sasl) -}}
{{- include "spate.refusal" (printf "kafka.external.sasl.username is given, and kafka.external.security is %s: write sasl_ssl or sasl_plaintext, or drop the user" $external.security) -}}
{{- end -}}
{{- range $key := list "ca" "clientCertificate" -}}
{{- if index $external.tls $key -}}
{{- if not $tls -}}
{{- include "spate.refusal" (printf "kafka.external.tls.%s is true, and kafka.external.security is %s: write ssl or sasl_ssl, or leave it false" $key $external.security) -}}
{{- else if not $external.existingSecret -}}
{{- include "spate.refusal" (printf "kafka.external.tls.%s is true, and kafka.external.existingSecret is empty: name the secret that holds it" $key) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and $external.existingSecret (not $sasl) (not $external.tls.ca) (not $external.tls.clientCertificate) -}}
{{- include "spate.refusal" "kafka.external.existingSecret is given, and nothing of it is used: set kafka.external.security, kafka.external.tls.ca or kafka.external.tls.clientCertificate" -}}
{{- end -}}
{{- else -}}
{{- $given := dict "bootstrapServers" $external.bootstrapServers "existingSecret" $external.existingSecret "sasl.username" $external.sasl.username "tls.ca" $external.tls.ca "tls.clientCertificate" $external.tls.clientCertificate "security" (ternary "" $external.security (eq $external.security "plaintext")) -}}
{{- range $key, $value := $given -}}
{{- if $value -}}
{{- include "spate.refusal" (printf "kafka.external.%s is given, and kafka.mode is %s: write kafka.mode: external, or drop it" $key $.Values.kafka.mode) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "spate.refusals.strimzi" -}}
{{- $own := .Values.kafka.strimzi -}}
{{- if eq .Values.kafka.mode "strimzi" -}}
{{- if gt (int $own.minInsyncReplicas) (int $own.replicas) -}}
{{- include "spate.refusal" (printf "kafka.strimzi.minInsyncReplicas is %d, more than kafka.strimzi.replicas, which is %d: nothing could ever be written" (int $own.minInsyncReplicas) (int $own.replicas)) -}}
{{- end -}}
{{- if eq (mod (int $own.replicas) 2) 0 -}}
{{- include "spate.refusal" (printf "kafka.strimzi.replicas is %d: write an odd number, because the nodes vote" (int $own.replicas)) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "spate.refusals.access" -}}
{{- $service := .Values.orchestrator.service -}}
{{- if and $service.nodePort (eq $service.type "ClusterIP") -}}
{{- include "spate.refusal" "orchestrator.service.nodePort is given, and orchestrator.service.type is ClusterIP: write type: NodePort, or drop the port" -}}
{{- end -}}
{{- if and .Values.ingress.enabled (not .Values.ingress.hosts) -}}
{{- include "spate.refusal" "ingress.enabled is true, and ingress.hosts is empty: name at least one host, because the orchestrator refuses hosts it does not know" -}}
{{- end -}}
{{- if .Values.httpRoute.enabled -}}
{{- if not .Values.httpRoute.parentRefs -}}
{{- include "spate.refusal" "httpRoute.enabled is true, and httpRoute.parentRefs is empty: name the Gateway" -}}
{{- end -}}
{{- if not .Values.httpRoute.hostnames -}}
{{- include "spate.refusal" "httpRoute.enabled is true, and httpRoute.hostnames is empty: name at least one host, because the orchestrator refuses hosts it does not know" -}}
{{- end -}}
{{- end -}}
{{- with .Values.orchestrator -}}
{{- if and .archive.existingSecret .persistence.existingClaim -}}
{{- include "spate.refusal" "orchestrator.archive.existingSecret and orchestrator.persistence.existingClaim both say where reports are kept: drop one" -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "spate.refusals.pods" -}}
{{- $names := .Values.names -}}
{{- if ne (len (values $names | uniq)) (len $names) -}}
{{- include "spate.refusal" (printf "names gives two components the same name (%s): each needs its own" (values $names | sortAlpha | join ", ")) -}}
{{- end -}}
{{- range $component := list "orchestrator" "driver" -}}
{{- $set := list -}}
{{- range include (printf "spate.%s.env" $component) $ | fromYamlArray }}{{ $set = append $set .name }}{{ end -}}
{{- range (index $.Values $component).extraEnv -}}
{{- if has .name $set -}}
{{- include "spate.refusal" (printf "%s.extraEnv names %s, which the chart sets itself: use the value that is meant for it" $component .name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $pods := dict "orchestrator" .Values.orchestrator "driver" .Values.driver "target" .Values.target "kafka.bundled" .Values.kafka.bundled -}}
{{- range $component, $values := $pods -}}
{{- range $key, $_ := $values.podLabels -}}
{{- if hasPrefix "app.kubernetes.io/" $key -}}
{{- include "spate.refusal" (printf "%s.podLabels has %s: labels of app.kubernetes.io are the chart's own, and pods are found by them" $component $key) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end }}
