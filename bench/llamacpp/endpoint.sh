#!/bin/sh
# run, chat, eval and batches of texts with llama.cpp's server at --endpoint.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
server=$("$here/server.sh")
model=$("$here/fetch.sh")
port=${PORT:-18433}
"$server" -m "$model" --alias SmolLM2-135M-Instruct --device none --port "$port" -c 4096 -np 4 -t 1 >/dev/null 2>&1 &
pid=$!
trap 'kill $pid' EXIT
export PIXTRAL_LLAMA_SERVER="http://127.0.0.1:$port"
go test -C "$here/../.." -count=1 -v -run TestEndpointIsLlamaCpp ./cmd/pixtral-wgpu
