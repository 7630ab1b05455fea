#!/bin/sh
# Tries a model of Pixtral 12B's true shapes, random weights in q4_k: writes it,
# plans it, loads it and takes a step of decoding. It needs 8 GB of disk and, on
# a software adapter, 16 GiB of memory and two minutes.
#
#   pixtral-12b.sh PROGRAM [DIRECTORY]
set -eu
program=$1
dir=${2-}
[ -n "$dir" ] || { dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; }
[ -e "$dir/pixtral-12b-q4_k.gguf" ] || "$program" synth --arch pixtral-12b --quant q4_k --out "$dir" >/dev/null
echo '[1, 3, 4]' >"$dir/tokens.json"
"$program" info -m "$dir"
"$program" run -m "$dir" --tokens "$dir/tokens.json" --temperature 0 --max-tokens 2 --json
