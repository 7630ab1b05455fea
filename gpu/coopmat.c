//go:build coopmat && linux && (amd64 || arm64)

#include <stdint.h>

// The mask of experimental features: two words of bits.
typedef struct { uint64_t webgpu, native; } px_features;

px_features __wrap__ZN10wgpu_types8features8Features21all_experimental_mask17he6a3ed7945601ef2E(void) { return (px_features){0, 0}; }
px_features __wrap__ZN10wgpu_types8features8Features21all_experimental_mask17h8037c4692dec0cd5E(void) { return (px_features){0, 0}; }
