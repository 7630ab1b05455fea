#!/bin/sh
# Checks what is here without running it: builds each set of manifests with
# kustomize, holds every object to its schema, and loads the compose files. Needs
# Go and python3 with venv.
set -eu
cd "$(dirname "$0")"
tools=../bin/deploy
mkdir -p $tools
[ -x $tools/venv/bin/python ] || python3 -m venv $tools/venv
$tools/venv/bin/pip install -q kubernetes-validate==1.37.0 PyYAML jsonschema
install() { [ -x "$tools/$1" ] || GOBIN=$(cd $tools && pwd) go install "$2"; }
install kustomize sigs.k8s.io/kustomize/kustomize/v5@v5.8.1
install cmd github.com/compose-spec/compose-go/v2/cmd@v2.10.2

module() { (cd / && go mod download -json "$1") | sed -n 's/.*"Dir": "\(.*\)".*/\1/p'; }
ray=$(module github.com/ray-project/kuberay/ray-operator@v1.5.0)/config/crd/bases/ray.io_rayservices.yaml
monitor=$(module github.com/prometheus-operator/prometheus-operator@v0.85.0)/example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml
for dir in pixtral-wgpu/amd pixtral-wgpu/intel pixtral-wgpu/nvidia pixtral-wgpu/monitoring vllm ray; do
	printf '%-24s' "$dir"
	$tools/kustomize build "kubernetes/$dir" >$tools/built.yaml
	$tools/venv/bin/python check.py "$ray" "$monitor" <$tools/built.yaml
done

echo key >$tools/keys.txt
for file in "" compose.nvidia.yaml compose.cpu.yaml; do
	KEYS=$tools/keys.txt $tools/cmd compose.yaml $file >$tools/built.yaml
done
echo "the compose files load"
