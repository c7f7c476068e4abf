{{- define "metaops.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{ .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{ .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else -}}
{{ printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" }}
{{- end -}}
{{- end -}}
{{- end }}

{{/* Call with (dict "root" $ "role" "gateway"). */}}
{{- define "metaops.selector" -}}
app.kubernetes.io/name: {{ default .root.Chart.Name .root.Values.nameOverride }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .role }}
{{- end }}

{{- define "metaops.labels" -}}
{{ include "metaops.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{- define "metaops.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "metaops.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{- define "metaops.image" -}}
image: {{ printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- end }}

{{/* Settings as environment: ingest.body_bytes_max -> METAOPS_INGEST_BODY_BYTES_MAX; for rdkafka.NAME . becomes _ and
_ becomes __. A role's own beat the common ones. Call with (dict "root" $ "own" .Values.gateway.settings). */}}
{{- define "metaops.settings" -}}
{{- range $key, $value := merge (dict) (default (dict) .own) .root.Values.settings }}
{{- $name := $key }}
{{- if hasPrefix "rdkafka." $key }}
{{- $name = replace "_" "__" $key }}
{{- end }}
- name: {{ printf "METAOPS_%s" (replace "." "_" $name | upper) }}
  value: {{ $value | toString | quote }}
{{- end }}
{{- end }}

{{/* What every role knows of Kafka. */}}
{{- /* What there are accounts and policies for, with a blank between two. */}}
{{- define "metaops.roles" -}}
gateway worker alerter {{ if .Values.poll.enabled }}poll {{ end }}upkeep
{{- end }}

{{- define "metaops.kafkaEnv" -}}
- name: METAOPS_KAFKA_BROKERS
  value: {{ .Values.kafka.brokers | quote }}
{{- if .Values.existingSecret.kafka }}
- name: METAOPS_RDKAFKA_SASL_PASSWORD_FILE
  value: /run/secrets/kafka/sasl.password
{{- end }}
{{- end }}

{{- define "metaops.kafkaMount" -}}
{{- if .Values.existingSecret.kafka }}
- name: kafka
  mountPath: /run/secrets/kafka
  readOnly: true
{{- end }}
{{- end }}

{{- define "metaops.kafkaVolume" -}}
{{- if .Values.existingSecret.kafka }}
- name: kafka
  secret:
    secretName: {{ .Values.existingSecret.kafka }}
    defaultMode: 0440
{{- end }}
{{- end }}

{{- define "metaops.spread" -}}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "metaops.selector" . | nindent 8 }}
{{- end }}
