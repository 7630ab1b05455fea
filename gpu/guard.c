// wgpu-native ends the process when a submission or a wait fails, which they do
// if the driver loses the device. It does so by a Rust panic, whose last step is
// a call of _Unwind_RaiseException. Where the linker can put our own function in
// that call's place (guard_linux.go), the panic of a guarded call jumps back to
// it: the library has given back its locks by then, and leaks some references to
// a device that nothing will use again.

#include <setjmp.h>

#include "guard.h"

extern uint64_t wgpuQueueSubmitForIndex(void *queue, size_t count, void *const *buffers);
extern uint32_t wgpuDevicePoll(void *device, uint32_t wait, uint64_t const *index);

static _Thread_local jmp_buf *way_out;    // of the guarded call under way on this thread

#ifdef __linux__
extern int __real__Unwind_RaiseException(void *exception);

int __wrap__Unwind_RaiseException(void *exception) {
	if (way_out != NULL) longjmp(*way_out, 1);
	return __real__Unwind_RaiseException(exception);
}
#endif

uint64_t px_guarded_submit(void *queue, size_t count, void *const *buffers, int *lost) {
	jmp_buf here;
	uint64_t index = 0;
	way_out = &here;
	if (setjmp(here) == 0) {
		index = wgpuQueueSubmitForIndex(queue, count, buffers);
	} else {
		*lost = 1;
	}
	way_out = NULL;
	return index;
}

void px_guarded_poll(void *device, uint64_t const *index, int *lost) {
	jmp_buf here;
	way_out = &here;
	if (setjmp(here) == 0) {
		wgpuDevicePoll(device, 1, index);
	} else {
		*lost = 1;
	}
	way_out = NULL;
}
