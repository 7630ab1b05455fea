#!/bin/sh
# Makes llama.cpp's server from the release's own source against its prebuilt
# libraries, for texts: without its page and its image encoders, in whose place
# are functions that do nothing. Prints where it is. Takes minutes, once.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
dir=$("$here/setup.sh")
cd "$dir"
if [ ! -x lib/llama-server ]; then # it looks for its backends beside itself
	mkdir -p server
	cat >server/ui.h <<'END'
#pragma once
#include <array>
#include <string>
struct llama_ui_asset { std::string name; const unsigned char * data; std::size_t size; std::string etag; std::string type; };
inline const llama_ui_asset * llama_ui_find_asset(const std::string &) { return nullptr; }
inline bool llama_ui_use_gzip() { return false; }
inline const std::array<llama_ui_asset, 0> & llama_ui_get_assets() { static const std::array<llama_ui_asset, 0> none{}; return none; }
END
	cat >server/Makefile <<'END'
SOURCES := $(wildcard src/tools/server/*.cpp src/vendor/cpp-httplib/*.cpp src/vendor/hash/*.cpp src/vendor/hash/*/*.c)
OBJECTS := $(addsuffix .o,$(subst /,-,$(SOURCES)))
INCLUDES := -Iserver -Isrc -Isrc/include -Isrc/ggml/include -Isrc/common -Isrc/vendor -Isrc/vendor/hash -Isrc/tools/server -Isrc/tools/mtmd
lib/llama-server: $(addprefix server/,$(OBJECTS))
	nm -u $^ | grep -oE '[^ ]*(mtmd|clip_)[^ ]*$$' | sort -u | sed 's/.*/.weak &\n&: xor %eax, %eax; ret/; $$a .section .note.GNU-stack' >server/images.s
	g++ -o $@ $^ server/images.s lib/libllama-common.so lib/libllama.*.so lib/libggml.*.so lib/libggml-base.so -Wl,-rpath,"$(CURDIR)/lib" -lpthread
define rule
server/$(subst /,-,$(1)).o: $(1)
	$(if $(filter %sha256.c %xxhash.c,$(1)),gcc,g++ -std=c++17) -O0 -w $(INCLUDES) -c -o $$@ $$<
endef
$(foreach s,$(SOURCES),$(eval $(call rule,$(s))))
END
	make -s -j"${JOBS:-$(nproc)}" -f server/Makefile >&2
fi
echo "$dir/lib/llama-server"
