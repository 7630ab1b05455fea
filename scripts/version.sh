#!/bin/sh
# Prints the version of the sources, their commit, and when that was made in
# seconds since 1970. The version is that of the last tag, vX.Y.Z, with how many
# commits came since; without any tag 0.0.0 and how many there are; without git
# it is unknown, and so is the rest. What was changed and not committed is dirty.
cd "$(dirname "$0")/.." || exit 1
if ! commit=$(git rev-parse HEAD 2>/dev/null); then
	echo "0.0.0-unknown unknown ${SOURCE_DATE_EPOCH:-0}"
	exit
fi
if ! version=$(git describe --tags --match 'v[0-9]*' 2>/dev/null); then
	version=v0.0.0-$(git rev-list --count HEAD)-g$(git rev-parse --short=7 HEAD)
fi
[ -z "$(git status --porcelain --untracked-files=no)" ] || version=$version-dirty
echo "${version#v} $commit $(git log -1 --format=%ct)"
