#!/bin/sh
# Gets llama.cpp ready for the comparisons: its prebuilt libraries with the CPU
# and Vulkan backends and the headers of the same release, as npm's packages of
# node-llama-cpp carry them, and our driver, compiled against them. Prints the
# folder; LLAMACPP names another than the default.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
dir=${LLAMACPP:-${XDG_CACHE_HOME:-$HOME/.cache}/pixtral-wgpu/llama.cpp}
version=3.22.1 # of node-llama-cpp: llama.cpp v0.5.0
for tool in npm git g++; do
	command -v "$tool" >/dev/null || { echo "setup.sh: $tool is needed" >&2; exit 1; }
done
mkdir -p "$dir"
cd "$dir"
if [ ! -e "lib/libggml-vulkan.so" ]; then
	npm install --ignore-scripts --omit=optional --no-audit --no-fund --no-save --prefix . \
		"node-llama-cpp@$version" "@node-llama-cpp/linux-x64-vulkan@$version" >&2
	ln -sfn node_modules/@node-llama-cpp/linux-x64-vulkan/bins/linux-x64-vulkan lib
fi
if [ ! -d src ]; then
	git -c advice.detachedHead=false clone -q node_modules/node-llama-cpp/llama/gitRelease.bundle src.part >&2
	mv src.part src
fi
if [ ! -x driver ] || [ "$here/driver/driver.cpp" -nt driver ]; then
	g++ -std=c++17 -O2 -Wall -o driver "$here/driver/driver.cpp" -I src/include -I src/ggml/include \
		lib/libllama.*.so lib/libggml.*.so lib/libggml-base.so -Wl,-rpath,"$dir/lib"
fi
echo "$dir"
