#!/bin/sh
# Asks the embedded model about the pictures of the repository.
# Usage: demo.sh BINARY DIRECTORY
set -eu
bin=$1
dir=$2

ask() {
	printf '\n%s\n  %s\n  > ' "$dir/$1" "$2"
	"$bin" run --temperature 0 --image "$dir/$1" "$2" 2>/dev/null || {
		echo "(no answer; the reason:)"
		exec "$bin" run --temperature 0 --image "$dir/$1" "$2"
	}
}

"$bin" doctor
ask red-circle.png "What is this?"
ask square-and-star.png "Describe the picture."
ask three-triangles.png "How many triangles are there?"

echo
"$bin" image "$dir/square-and-star.png" --out bin/what-the-model-sees.png
echo "bin/what-the-model-sees.png shows the patches."
