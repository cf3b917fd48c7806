{{- define "pgcommons.name" -}}
{{ default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "pgcommons.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{ .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- else if contains $name .Release.Name -}}
{{ .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else -}}
{{ printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" }}
{{- end -}}
{{- end }}

{{- define "pgcommons.selector" -}}
app.kubernetes.io/name: {{ include "pgcommons.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "pgcommons.labels" -}}
{{ include "pgcommons.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "pgcommons.configMap" -}}
{{ .Values.existingConfigMap | default (include "pgcommons.fullname" .) }}
{{- end }}

{{- define "pgcommons.secret" -}}
{{ if .Values.passwords }}{{ include "pgcommons.fullname" . }}-passwords{{ else }}{{ .Values.existingSecret }}{{ end }}
{{- end }}

{{- /* Helm writes a number from a million on as 1e+06: where that matters, the configuration is given as text. */ -}}
{{- define "pgcommons.config" -}}
{{ if kindIs "string" .Values.config }}{{ .Values.config }}{{ else }}{{ toYaml .Values.config }}{{ end }}
{{- end }}
