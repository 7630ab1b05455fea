#!/bin/sh
# Checks that llama.cpp loads what "pixtral-wgpu quantize" writes, and goes on
# with a text by the same 64 greedy tokens: the pocket model, or those that are
# named, in each type. Fails if a token differs from those of llama.cpp with the
# file's weights in f32; with the file as it is llama.cpp rounds activations, so
# how many are the same is only told.
#
#   quantized.sh [MODEL ...]
set -eu
types="f32 f16 bf16 q8_0 q4_0 q4_1 q5_0 q5_1 q4_k q5_k q6_k"
here=$(cd "$(dirname "$0")" && pwd)
LLAMACPP=$("$here/setup.sh")
export LLAMACPP
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
[ $# -gt 0 ] || set -- pocket
go build -C "$here/../.." -o "$out/pixtral-wgpu" ./cmd/pixtral-wgpu
go build -C "$here/../.." -tags llamacpp -o "$out/llamacpp" ./bench/llamacpp
n=0
for model; do
	n=$((n + 1))
	for type in $types; do
		"$out/pixtral-wgpu" quantize -m "$model" --quant "$type" -o "$out/$n-$type" >&2
		for file in "$out/$n-$type"/*.gguf; do
			case ${file##*/} in
			mmproj-*) ;; # the image encoder: the prebuilt llama.cpp has no code for it
			*) "$out/llamacpp" greedy "$file" ;;
			esac
		done
		rm -r "$out/$n-$type"
	done
done
