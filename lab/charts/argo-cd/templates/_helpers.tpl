{{/* Labels of a part: (dict "root" . "name" "repo-server") */}}
{{- define "argo-cd.selector" -}}
app.kubernetes.io/name: argocd-{{ .name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- end -}}

{{- define "argo-cd.labels" -}}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
app.kubernetes.io/component: {{ .name }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/part-of: argocd
app.kubernetes.io/version: {{ .root.Values.global.image.tag | default .root.Chart.AppVersion | quote }}
{{ include "argo-cd.selector" . }}
{{- end -}}

{{- define "argo-cd.fullname" -}}
{{ .root.Release.Name }}-{{ .name }}
{{- end -}}

{{- define "argo-cd.image" -}}
{{ .Values.global.image.repository }}:{{ .Values.global.image.tag | default .Chart.AppVersion }}
{{- end -}}

{{/* Where a pod may run. */}}
{{- define "argo-cd.placement" -}}
nodeSelector:
  {{- toYaml (.part.nodeSelector | default .root.Values.global.nodeSelector) | nindent 2 }}
{{- with .part.tolerations | default .root.Values.global.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Variables whose values are keys of the settings: (dict "ARGOCD_X" "controller.x") */}}
{{- define "argo-cd.settings" -}}
{{- range $variable, $key := . }}
- name: {{ $variable }}
  valueFrom:
    configMapKeyRef:
      name: argocd-cmd-params-cm
      key: {{ $key }}
      optional: true
{{- end }}
- name: ARGOCD_RECONCILIATION_TIMEOUT
  valueFrom:
    configMapKeyRef:
      name: argocd-cm
      key: timeout.reconciliation
      optional: true
- name: ARGOCD_RECONCILIATION_JITTER
  valueFrom:
    configMapKeyRef:
      name: argocd-cm
      key: timeout.reconciliation.jitter
      optional: true
- name: REDIS_PASSWORD
  valueFrom:
    secretKeyRef:
      name: argocd-redis
      key: auth
{{- end -}}

{{- define "argo-cd.http-probe" -}}
readinessProbe:
  httpGet:
    path: /healthz
    port: metrics
  {{- toYaml . | nindent 2 }}
{{- end -}}
