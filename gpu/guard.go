//go:build linux || windows

package gpu

// The linker puts guard.c's function in the place of every call of
// _Unwind_RaiseException. Apple's cannot.

// #cgo LDFLAGS: -Wl,--wrap=_Unwind_RaiseException
import "C"
