{{/* What the bundled broker is told, as a YAML list of variables. The image turns every KAFKA_… into
     a property (except those for Java), and then takes none of its own defaults. */}}
{{- define "spate.kafka.env" -}}
{{- $own := .Values.kafka.bundled -}}
- name: CLUSTER_ID
  value: {{ $own.clusterId | quote }}
- name: KAFKA_NODE_ID
  value: "1"
- name: KAFKA_PROCESS_ROLES
  value: broker,controller
# A static voter: the image cannot format storage for a dynamic one.
- name: KAFKA_CONTROLLER_QUORUM_VOTERS
  value: 1@localhost:9093
# Clients come through the Service. The broker's calls to itself stay on loopback: they need neither
# DNS, nor a network that leads a pod back to itself, nor a policy.
- name: KAFKA_LISTENERS
  value: CLIENT://:9092,INTERNAL://localhost:9094,CONTROLLER://localhost:9093
- name: KAFKA_ADVERTISED_LISTENERS
  value: CLIENT://{{ .Values.names.kafka }}.{{ .Release.Namespace }}.svc:9092,INTERNAL://localhost:9094
- name: KAFKA_INTER_BROKER_LISTENER_NAME
  value: INTERNAL
- name: KAFKA_CONTROLLER_LISTENER_NAMES
  value: CONTROLLER
- name: KAFKA_LISTENER_SECURITY_PROTOCOL_MAP
  value: CLIENT:PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT
# Not the volume itself: a lost+found in there would stop the broker.
- name: KAFKA_LOG_DIRS
  value: /var/lib/kafka/data/kraft
- name: KAFKA_AUTO_CREATE_TOPICS_ENABLE
  value: "false"
# One node is its own and only replica.
{{- range list "DEFAULT_REPLICATION_FACTOR" "MIN_INSYNC_REPLICAS" "OFFSETS_TOPIC_REPLICATION_FACTOR" "TRANSACTION_STATE_LOG_REPLICATION_FACTOR" "TRANSACTION_STATE_LOG_MIN_ISR" "SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR" "SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR" }}
- name: KAFKA_{{ . }}
  value: "1"
{{- end }}
- name: KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS
  value: "4"
- name: KAFKA_TRANSACTION_STATE_LOG_NUM_PARTITIONS
  value: "4"
- name: KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS
  value: "0"
# The cleaner would take 128 MB of the heap at start.
- name: KAFKA_LOG_CLEANER_DEDUPE_BUFFER_SIZE
  value: "8388608"
# After a kill the controller refuses the new broker until the old one's session is over.
- name: KAFKA_BROKER_SESSION_TIMEOUT_MS
  value: "3000"
- name: KAFKA_BROKER_HEARTBEAT_INTERVAL_MS
  value: "500"
- name: KAFKA_HEAP_OPTS
  value: -Xms256m -Xmx{{ $own.maxHeap }}
# Logs go to stdout. The image would also write files without end, the collector's among them.
- name: KAFKA_GC_LOG_OPTS
  value: -Xlog:gc=error
- name: LOG_DIR
  value: /tmp/kafka-logs
{{- end }}
