//go:build coopmat && linux && (amd64 || arm64)

package gpu

// wgpu-native takes cooperative matrices for experimental, and has no call that
// allows experimental features. Its check asks which features are experimental;
// the linker makes it ask coopmat.c instead, which says none is. Should the
// function be called otherwise in another version, the request of the feature
// fails as it does without this, and nothing else changes.

// #cgo amd64 LDFLAGS: -Wl,--wrap=_ZN10wgpu_types8features8Features21all_experimental_mask17he6a3ed7945601ef2E
// #cgo arm64 LDFLAGS: -Wl,--wrap=_ZN10wgpu_types8features8Features21all_experimental_mask17h8037c4692dec0cd5E
import "C"

const canCooperate = true
