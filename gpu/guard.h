// Calls of wgpu-native that must not end the process; see guard.c.

#include <stddef.h>
#include <stdint.h>

// px_guarded_submit submits command buffers and returns the submission's index.
// px_guarded_poll waits for a submission, for all of them if index is NULL.
// px_guarded_release gives a device back, for which the library waits too.
// They set *lost when the library gave up, which it does if the device is lost.
uint64_t px_guarded_submit(void *queue, size_t count, void *const *buffers, int *lost);
void px_guarded_poll(void *device, uint64_t const *index, int *lost);
void px_guarded_release(void *device, int *lost);
