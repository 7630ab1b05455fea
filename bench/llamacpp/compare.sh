#!/bin/sh
# Compares this engine with llama.cpp's Vulkan backend on one adapter, in one
# run: matrix products at Pixtral 12B's shapes, each checked, then whole GGUF
# models. On two cores without a GPU it takes a quarter of an hour.
#
#   compare.sh [--rounds N] [model.gguf ...]
#
# Ratios are llama.cpp's time over ours: above 1 we are faster. The sides take
# turns, so that what else the machine does meets both; still, leave it alone.
set -eu
rounds=5
if [ "${1-}" = --rounds ]; then
	rounds=$2
	shift 2
fi
here=$(cd "$(dirname "$0")" && pwd)
LLAMACPP=$("$here/setup.sh")
export LLAMACPP
cd "$here/../.."
go build -tags llamacpp -o "$LLAMACPP/compare" ./bench/llamacpp
"$LLAMACPP/compare" kernels -rounds "$rounds"
if [ $# -gt 0 ]; then
	"$LLAMACPP/compare" models -rounds "$rounds" "$@"
fi
