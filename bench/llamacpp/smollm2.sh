#!/bin/sh
# Runs a model that somebody else made, SmolLM2-135M-Instruct in Q4_1, and
# compares tokens, answers and logits with what llama.cpp made of it: ten prompts,
# 64 greedy tokens each (model/testdata/llamacpp).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
PIXTRAL_SMOLLM2=$("$here/fetch.sh")
export PIXTRAL_SMOLLM2
go test -C "$here/../.." -count=1 -v -run TestSmolLM2AsLlamaCpp ./model
