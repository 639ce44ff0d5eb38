{{- define "strimzi.labels" -}}
app: strimzi
chart: {{ .Chart.Name }}-{{ .Chart.Version }}
release: {{ .Release.Name }}
heritage: {{ .Release.Service }}
{{- end -}}

{{- define "strimzi.images" -}}
{{ .Values.defaultImageRegistry }}/{{ .Values.defaultImageRepository }}
{{- end -}}

{{- define "strimzi.operator" -}}
{{ include "strimzi.images" . }}/operator:{{ .Values.defaultImageTag }}
{{- end -}}
