//go:build !coopmat || !linux || !(amd64 || arm64)

package gpu

const canCooperate = false
