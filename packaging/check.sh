#!/bin/sh
# Starts what packaging made, each archive by what there is for it: this machine,
# qemu's user emulation, wine. Usage: packaging/check.sh DIRECTORY VERSION
#
# With ARM64_ROOT, an arm64 system with Mesa (make dist-root), the emulated
# program computes as well; otherwise it only starts.
set -eu
dist=$(cd "$1" && pwd)
version=$2
examples=$(cd "$(dirname "$0")/../model/pocket/examples" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
(cd "$dist" && sha256sum --quiet --check SHA256SUMS)

# start NAME PROGRAM...: what a program must be able to do, however it is run.
start() {
	name=$1
	shift
	"$@" version </dev/null | tr -d '\r' >"$work/version"
	grep -qx "pixtral-wgpu $version .*" "$work/version" || { echo "$name: it is not $version:"; cat "$work/version"; exit 1; }
	"$@" tokenize "Hello, world!" </dev/null | grep -q '"count":' || { echo "$name: it does not tokenize"; exit 1; }
	adapter=$(grep adapter "$work/version")
	if [ "$adapter" = "no adapter" ]; then
		# Without a device it says what to install.
		if "$@" doctor </dev/null >"$work/doctor" 2>&1 || ! grep -q "install your GPU's" "$work/doctor"; then
			echo "$name: without an adapter:"; cat "$work/doctor"; exit 1
		fi
		echo "$name: starts; $adapter here, and it says what to do"
		return
	fi
	"$@" doctor </dev/null >/dev/null
	answer=$("$@" run --device llvmpipe --temperature 0 "$picture" "What is this?" </dev/null 2>/dev/null | tr -d '\r')
	[ "$answer" = "A red circle." ] || { echo "$name: it answers \"$answer\""; exit 1; }
	echo "$name: starts and answers; $adapter"
}

# complete DIRECTORY: an archive has all that comes with the program.
complete() {
	for f in LICENSE README.md CHANGELOG.md man/pixtral-wgpu.1 man/pixtral-wgpu-run.1 completions/pixtral-wgpu.bash completions/_pixtral-wgpu \
		completions/pixtral-wgpu.fish completions/pixtral-wgpu.ps1 licences/wgpu-native/LICENCES licences/page/LICENCES licences/go/LICENSE licences/github.com/spf13/cobra/LICENSE.txt; do
		[ -s "$1/$f" ] || { echo "$1: there is no $f"; exit 1; }
	done
	bash -n "$1/completions/pixtral-wgpu.bash"
}

picture=$examples/red-circle.png
cd "$work"
base=pixtral-wgpu-$version
for archive in "$dist/$base"-*; do
	case $archive in *.zip) unzip -q "$archive" ;; *) tar -xzf "$archive" ;; esac
	name=${archive##*/}
	name=${name%.zip}
	name=${name%.tar.gz}
	complete "$name"
	case $name in
	*-linux-"$(dpkg --print-architecture)") start "$name" "./$name/pixtral-wgpu" ;;
	*-linux-arm64)
		if [ -n "${ARM64_ROOT:-}" ]; then
			start "$name" env QEMU_LD_PREFIX="$ARM64_ROOT" VK_ICD_FILENAMES=/usr/share/vulkan/icd.d/lvp_icd.aarch64.json qemu-aarch64-static "./$name/pixtral-wgpu"
		else
			start "$name" qemu-aarch64-static -L /usr/aarch64-linux-gnu "./$name/pixtral-wgpu"
		fi ;;
	*-windows-amd64)
		# Debian 12's wine has no bcryptprimitives.dll, as Windows has had since 7.
		printf '%s\n' '#include <windows.h>' 'BOOLEAN NTAPI SystemFunction036(PVOID, ULONG);' \
			'__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE p, SIZE_T n) { return SystemFunction036(p, n); }' >random.c
		[ -e /usr/lib/x86_64-linux-gnu/wine/x86_64-windows/bcryptprimitives.dll ] ||
			x86_64-w64-mingw32-gcc -shared -o "$name/bcryptprimitives.dll" random.c -ladvapi32
		# Its Vulkan wants a screen, and its Direct3D 12 is none.
		start "$name" env WINEPREFIX="$work/wine" WINEDEBUG=-all WINEDLLOVERRIDES="d3d12=" MESA_SHADER_CACHE_DISABLE= \
			xvfb-run -a -e /dev/null wine "./$name/pixtral-wgpu.exe" ;;
	*) echo "$name: nothing here can start it" ;;
	esac
done
for deb in "$dist"/pixtral-wgpu_*.deb; do
	[ -e "$deb" ] || continue
	rm -rf deb && dpkg-deb -x "$deb" deb
	[ -x deb/usr/bin/pixtral-wgpu ] && [ -s deb/usr/share/man/man1/pixtral-wgpu.1.gz ] && [ -s deb/usr/share/doc/pixtral-wgpu/copyright ]
	echo "${deb##*/}: $(dpkg-deb -f "$deb" Depends)"
done
