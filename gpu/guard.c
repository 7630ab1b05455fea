// wgpu-native ends the process when a submission or a wait fails, which they do
// if the driver loses the device. It does so by a Rust panic, whose last step is
// a call of _Unwind_RaiseException. Where the linker can put our own function in
// that call's place (guard.go), the panic of a guarded call jumps back to
// it: the library has given back its locks by then, and leaks some references to
// a device that nothing will use again.

#include "guard.h"

#ifdef _WIN32
// Windows' own longjmp unwinds the stack, and runs what it finds there.
typedef void *place[5];
#define PUT(here) __builtin_setjmp(here)
#define JUMP(there) __builtin_longjmp(there, 1)
#else
#include <setjmp.h>
typedef jmp_buf place;
#define PUT(here) setjmp(here)
#define JUMP(there) longjmp(there, 1)
#endif

extern uint64_t wgpuQueueSubmitForIndex(void *queue, size_t count, void *const *buffers);
extern uint32_t wgpuDevicePoll(void *device, uint32_t wait, uint64_t const *index);
extern void wgpuDeviceRelease(void *device);

static _Thread_local place *way_out;    // of the guarded call under way on this thread

#if defined __linux__ || defined _WIN32
extern int __real__Unwind_RaiseException(void *exception);

int __wrap__Unwind_RaiseException(void *exception) {
	if (way_out != NULL) JUMP(*way_out);
	return __real__Unwind_RaiseException(exception);
}
#endif

// GUARDED makes a call, and sets *lost if the library panics in it.
#define GUARDED(call)            \
	do {                     \
		place here;      \
		way_out = &here; \
		if (PUT(here) == 0) call; \
		else *lost = 1;  \
		way_out = NULL;  \
	} while (0)

uint64_t px_guarded_submit(void *queue, size_t count, void *const *buffers, int *lost) {
	volatile uint64_t index = 0;
	GUARDED(index = wgpuQueueSubmitForIndex(queue, count, buffers));
	return index;
}

void px_guarded_poll(void *device, uint64_t const *index, int *lost) { GUARDED(wgpuDevicePoll(device, 1, index)); }

void px_guarded_release(void *device, int *lost) { GUARDED(wgpuDeviceRelease(device)); }
