package gpu

// What the bindings lack or break, called on the same library by its C API
// (webgpu.h and wgpu.h of wgpu-native v29): a device request with callbacks for
// a lost device and for errors outside any scope, shader modules without checks
// at run time, timestamps around a compute pass, the length of a timestamp
// tick, submissions and waits that survive a lost device, the library's own
// messages, and, because they allocate nothing in Go, a write, a read, and a
// whole recording encoded and submitted in one call. Only the prototypes and
// structs that are used are declared; the bindings link the library itself.

/*
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guard.h"

typedef struct { char const *data; size_t length; } px_string;
typedef struct { void *next; px_string label; } px_queue_desc;
typedef struct { void *next; int32_t mode; void *callback; void *user1; void *user2; } px_callback_info;
typedef struct { void *next; void *callback; void *user1; void *user2; } px_error_info;
typedef struct {
	void *next;
	px_string label;
	size_t feature_count;
	int32_t const *features;
	void const *limits;
	px_queue_desc queue;
	px_callback_info lost;
	px_error_info error;
} px_device_desc;
typedef struct { uint64_t id; } px_future;
typedef struct { void *next; void *query_set; uint32_t begin, end; } px_timestamps;
typedef struct { void *next; px_string label; px_timestamps const *timestamps; } px_pass_desc;
typedef struct { void *next; uint32_t type; px_string code; } px_wgsl;
typedef struct { px_wgsl *next; px_string label; } px_module_desc;
typedef struct {
	void *pipeline;                    // NULL for a copy
	void *a, *b;                       // the bind group, or the buffers of a copy, from and to
	uint64_t from, to, size;           // of a copy, in bytes
	uint32_t offset, x, y, z;          // of the params; workgroups, or x bytes of a texel and y texels of a row of the texture that is copied to
} px_command;
typedef struct { uint64_t offset; uint32_t row, rows; void *buffer; } px_in_buffer;
typedef struct { void *texture; uint32_t level, x, y, z, aspect; } px_in_texture;
typedef struct { uint32_t x, y, z; } px_extent;
typedef struct { void *next; unsigned char rest[1024]; } px_limits;    // larger than WGPULimits

extern px_future wgpuAdapterRequestDevice(void *adapter, px_device_desc const *desc, px_callback_info info);
extern uint32_t wgpuAdapterGetLimits(void *adapter, px_limits *limits);
extern void *wgpuCommandEncoderBeginComputePass(void *encoder, px_pass_desc const *desc);
extern void wgpuComputePassEncoderEnd(void *pass);
extern void *wgpuDeviceCreateShaderModuleTrusted(void *device, px_module_desc const *desc, uint64_t checks);
extern void wgpuComputePassEncoderRelease(void *pass);
extern void wgpuComputePassEncoderSetPipeline(void *pass, void *pipeline);
extern void wgpuComputePassEncoderSetBindGroup(void *pass, uint32_t index, void *group, size_t count, uint32_t const *offsets);
extern void wgpuComputePassEncoderDispatchWorkgroups(void *pass, uint32_t x, uint32_t y, uint32_t z);
extern void wgpuCommandEncoderCopyBufferToBuffer(void *encoder, void *from, uint64_t at, void *to, uint64_t to_at, uint64_t size);
extern void wgpuCommandEncoderCopyBufferToTexture(void *encoder, px_in_buffer const *from, px_in_texture const *to, px_extent const *size);
extern void wgpuCommandEncoderResolveQuerySet(void *encoder, void *set, uint32_t first, uint32_t count, void *to, uint64_t at);
extern void wgpuQueueWriteBuffer(void *queue, void *buffer, uint64_t at, void const *data, size_t size);
extern px_future wgpuBufferMapAsync(void *buffer, uint64_t mode, size_t at, size_t size, px_callback_info info);
extern void const *wgpuBufferGetConstMappedRange(void *buffer, size_t at, size_t size);
extern void wgpuBufferUnmap(void *buffer);
extern void *wgpuCommandEncoderFinish(void *encoder, void const *desc);
extern void wgpuCommandEncoderRelease(void *encoder);
extern void wgpuCommandBufferRelease(void *buffer);
extern void *wgpuDeviceCreateCommandEncoder(void *device, void const *desc);
extern void wgpuDeviceDestroy(void *device);
extern float wgpuQueueGetTimestampPeriod(void *queue);
extern uint32_t wgpuGetVersion(void);
extern void wgpuSetLogCallback(void (*callback)(int32_t, px_string, void *), void *user);

// A sink keeps the first error that no scope caught, whether the device is lost,
// and what became of the last wish to map a buffer.
typedef struct {
	_Atomic int lost, failed, mapped;
	int type;
	char message[4096], lost_message[1024];
} px_sink;

static void px_copy(char *to, size_t size, px_string s) {
	if (s.data == NULL) { to[0] = 0; return; }
	size_t n = s.length == SIZE_MAX ? strlen(s.data) : s.length;
	if (n > size - 1) n = size - 1;
	memcpy(to, s.data, n);
	to[n] = 0;
}

static void px_on_lost(void const *device, int32_t reason, px_string message, void *user1, void *user2) {
	px_sink *s = user1;
	(void)device; (void)reason; (void)user2;
	px_copy(s->lost_message, sizeof s->lost_message, message);
	atomic_store(&s->lost, 1);
}

static void px_on_error(void const *device, int32_t type, px_string message, void *user1, void *user2) {
	px_sink *s = user1;
	int expected = 0;
	(void)device; (void)user2;
	if (!atomic_compare_exchange_strong(&s->failed, &expected, 1)) return;    // one is kept already
	s->type = type;
	px_copy(s->message, sizeof s->message, message);
	atomic_store(&s->failed, 2);
}

// px_log prints the library's errors; its warnings, for example of what an
// adapter lacks, are ours to handle. The bindings' own callback reads the text as
// C's, which it is not: it has no end, and on Windows it comes by reference.
static void px_log(int32_t level, px_string message, void *user) {
	char text[1024];
	(void)user;
	if (level != 1) return;    // WGPULogLevel_Error
	px_copy(text, sizeof text, message);
	fprintf(stderr, "wgpu-native: %s\n", text);
}

static void px_set_log(void) { wgpuSetLogCallback(px_log, NULL); }

typedef struct { int32_t status; void *device; char message[1024]; } px_request;

static void px_on_device(int32_t status, void *device, px_string message, void *user1, void *user2) {
	px_request *r = user1;
	(void)user2;
	r->status = status;
	r->device = device;
	px_copy(r->message, sizeof r->message, message);
}

// px_request_device asks for all of the adapter's limits, or for WebGPU's defaults.
static void px_request_device(void *adapter, int32_t const *features, size_t count, int full, px_sink *sink, px_request *r) {
	px_limits limits;
	memset(&limits, 0, sizeof limits);
	px_device_desc desc;
	memset(&desc, 0, sizeof desc);
	desc.label.data = "pixtral-wgpu";
	desc.label.length = SIZE_MAX;
	desc.queue.label.length = SIZE_MAX;
	desc.feature_count = count;
	desc.features = features;
	if (full && wgpuAdapterGetLimits(adapter, &limits) == 1) desc.limits = &limits;
	desc.lost.mode = 3;    // spontaneous
	desc.lost.callback = (void *)px_on_lost;
	desc.lost.user1 = sink;
	desc.error.callback = (void *)px_on_error;
	desc.error.user1 = sink;
	px_callback_info info = { NULL, 3, (void *)px_on_device, r, NULL };
	wgpuAdapterRequestDevice(adapter, &desc, info);
}

static void *px_trusted_module(void *device, char const *label, char const *code) {
	px_wgsl wgsl = { NULL, 2, { code, SIZE_MAX } };    // WGPUSType_ShaderSourceWGSL
	px_module_desc desc = { &wgsl, { label, SIZE_MAX } };
	return wgpuDeviceCreateShaderModuleTrusted(device, &desc, 0);
}

static int px_lost(px_sink *s) { return atomic_load(&s->lost); }
static int px_failed(px_sink *s) { return atomic_load(&s->failed) == 2; }
static void px_clear(px_sink *s) { atomic_store(&s->failed, 0); }

static void *px_begin_pass(void *encoder, void *queries, uint32_t at) {
	px_timestamps t = { NULL, queries, at, at + 1 };
	px_pass_desc desc = { NULL, { NULL, SIZE_MAX }, queries == NULL ? NULL : &t };
	return wgpuCommandEncoderBeginComputePass(encoder, &desc);
}

static void px_end_pass(void **pass) {
	if (*pass == NULL) return;
	wgpuComputePassEncoderEnd(*pass);
	wgpuComputePassEncoderRelease(*pass);
	*pass = NULL;
}

// px_copy_texels copies bytes of a buffer to the first texels of a texture: whole
// rows, and what is left.
static void px_copy_texels(void *encoder, px_command const *c) {
	uint32_t row = c->x * c->y, rows = c->size / row, rest = c->size % row / c->x;
	px_in_buffer from = { c->from, row, UINT32_MAX, c->a };
	px_in_texture to = { c->b, 0, 0, 0, 0, 1 };    // WGPUTextureAspect_All
	px_extent size = { c->y, rows, 1 };
	if (rows > 0) wgpuCommandEncoderCopyBufferToTexture(encoder, &from, &to, &size);
	if (rest == 0) return;
	from.offset += (uint64_t)row * rows;
	to.y = rows;
	size = (px_extent){ rest, 1, 1 };
	wgpuCommandEncoderCopyBufferToTexture(encoder, &from, &to, &size);
}

// px_play encodes commands: one pass for all dispatches between two copies, or
// one for each if queries are to hold their times.
static void px_play(void *encoder, px_command const *c, size_t n, void *queries) {
	void *pass = NULL, *pipeline = NULL;
	for (uint32_t timed = 0; n > 0; n--, c++) {
		if (c->pipeline == NULL || queries != NULL) px_end_pass(&pass);
		if (c->pipeline == NULL && c->x > 0) {
			px_copy_texels(encoder, c);
			continue;
		}
		if (c->pipeline == NULL) {
			wgpuCommandEncoderCopyBufferToBuffer(encoder, c->a, c->from, c->b, c->to, c->size);
			continue;
		}
		if (pass == NULL) {
			pass = px_begin_pass(encoder, queries, 2 * timed++);
			pipeline = NULL;
		}
		if (c->pipeline != pipeline) wgpuComputePassEncoderSetPipeline(pass, pipeline = c->pipeline);
		wgpuComputePassEncoderSetBindGroup(pass, 0, c->a, 1, &c->offset);
		wgpuComputePassEncoderDispatchWorkgroups(pass, c->x, c->y, c->z);
	}
	px_end_pass(&pass);
}

// px_give_up marks the device as lost, unless it was known before.
static void px_give_up(px_sink *s) {
	static char const message[] = "the driver gave up while it computed";
	if (px_lost(s)) return;
	memcpy(s->lost_message, message, sizeof message);
	atomic_store(&s->lost, 1);
}

// px_send submits command buffers, px_wait waits for a submission, or for all if
// index is NULL. On a lost device they do nothing.
static uint64_t px_send(void *queue, px_sink *sink, size_t count, void *const *buffers) {
	int lost = px_lost(sink);
	uint64_t index = lost ? 0 : px_guarded_submit(queue, count, buffers, &lost);
	if (lost) px_give_up(sink);
	return index;
}

static void px_wait(void *device, px_sink *sink, uint64_t const *index) {
	int lost = px_lost(sink);
	if (!lost) px_guarded_poll(device, index, &lost);
	if (lost) px_give_up(sink);
}

static void px_release(void *device, px_sink *sink) {
	int lost = 0;
	px_guarded_release(device, &lost);
	if (lost) px_give_up(sink);
}

static void px_on_map(int32_t status, px_string message, void *user1, void *user2) {
	px_sink *s = user1;
	(void)message; (void)user2;
	atomic_store(&s->mapped, status);
}

// px_fetch waits for a submission and copies a buffer that it wrote, which the
// host may map. It returns whether it could.
static int px_fetch(void *device, px_sink *sink, void *buffer, uint64_t index, void *to, size_t size) {
	px_callback_info info = { NULL, 3, (void *)px_on_map, sink, NULL };
	if (px_lost(sink)) return 0;
	atomic_store(&sink->mapped, 0);
	wgpuBufferMapAsync(buffer, 1, 0, size, info);    // WGPUMapMode_Read
	px_wait(device, sink, &index);
	if (atomic_load(&sink->mapped) == 0) px_wait(device, sink, NULL);
	if (atomic_load(&sink->mapped) != 1 || px_lost(sink)) return 0;    // WGPUMapAsyncStatus_Success
	memcpy(to, wgpuBufferGetConstMappedRange(buffer, 0, size), size);
	wgpuBufferUnmap(buffer);
	return 1;
}

// px_submit encodes commands and submits them, unless they are refused. The
// first count queries are resolved into ticks.
static uint64_t px_submit(void *device, void *queue, px_sink *sink, px_command const *c, size_t n, void *queries, uint32_t count, void *ticks) {
	uint64_t index = 0;
	void *encoder = wgpuDeviceCreateCommandEncoder(device, NULL);
	px_play(encoder, c, n, queries);
	if (count > 0) wgpuCommandEncoderResolveQuerySet(encoder, queries, 0, count, ticks, 0);
	void *buffer = wgpuCommandEncoderFinish(encoder, NULL);
	if (!px_failed(sink)) index = px_send(queue, sink, 1, &buffer);
	wgpuCommandBufferRelease(buffer);
	wgpuCommandEncoderRelease(encoder);
	return index;
}

*/
import "C"

import (
	"fmt"
	"slices"
	"strings"
	"unsafe"

	"github.com/oliverbestmann/webgpu/wgpu"
)

func init() { C.px_set_log() }

// handle returns the C handle of a binding's object, which each keeps in its
// first field; TestHandleOffset holds that true.
func handle[T any](object *T) unsafe.Pointer {
	return *(*unsafe.Pointer)(unsafe.Pointer(object))
}

// wrap makes a binding's object of a C handle.
func wrap[T any](h unsafe.Pointer) *T {
	object := new(T)
	*(*unsafe.Pointer)(unsafe.Pointer(object)) = h
	return object
}

// A sink collects the errors of a device that no scope caught.
type sink struct{ c *C.px_sink }

// requestDevice opens the adapter with all its limits, or with WebGPU's
// defaults if full is false. The sink lives as long as the process: callbacks
// may come late.
func requestDevice(a *wgpu.Adapter, features []wgpu.FeatureName, full bool) (*wgpu.Device, sink, error) {
	s := sink{(*C.px_sink)(C.calloc(1, C.sizeof_px_sink))}
	r := (*C.px_request)(C.calloc(1, C.sizeof_px_request))
	defer C.free(unsafe.Pointer(r))
	list := make([]C.int32_t, len(features)+1)
	for i, f := range features {
		list[i] = C.int32_t(f)
	}
	want := C.int(0)
	if full {
		want = 1
	}
	C.px_request_device(handle(a), &list[0], C.size_t(len(features)), want, s.c, r)
	if r.device == nil {
		return nil, s, fmt.Errorf("request device: %s", C.GoString(&r.message[0]))
	}
	return wrap[wgpu.Device](r.device), s, nil
}

// take returns the error that came since the last call, as a Go error.
func (s sink) take() error {
	if C.px_lost(s.c) != 0 {
		return &DeviceLostError{Message: C.GoString(&s.c.lost_message[0])}
	}
	if C.px_failed(s.c) == 0 {
		return nil
	}
	message, kind := C.GoString(&s.c.message[0]), s.c._type
	C.px_clear(s.c)
	if kind == 3 { // WGPUErrorType_OutOfMemory
		return &OutOfMemoryError{Reason: strings.TrimSpace(message)}
	}
	return fmt.Errorf("%s", message)
}

// lost reports whether the device is lost.
func (s sink) lost() bool { return C.px_lost(s.c) != 0 }

// send submits command buffers, none being a submission too, and returns its index.
func (d *Device) send(buffers ...*wgpu.CommandBuffer) uint64 {
	list := make([]unsafe.Pointer, len(buffers))
	for i, b := range buffers {
		list[i] = handle(b)
	}
	d.staged = 0
	return uint64(C.px_send(handle(d.queue), d.sink.c, C.size_t(len(list)), unsafe.SliceData(list)))
}

// wait waits for a submission, or for all if index is nil.
func (d *Device) wait(index *uint64) { C.px_wait(handle(d.dev), d.sink.c, (*C.uint64_t)(index)) }

// release gives the device back.
func (d *Device) release() { C.px_release(handle(d.dev), d.sink.c) }

// destroy frees all memory of a device at once; it counts as lost from then on.
func destroy(d *wgpu.Device) { C.wgpuDeviceDestroy(handle(d)) }

// trustedModule makes a shader module whose loops are not counted and whose
// indices into private and workgroup arrays are not clamped. Its errors come to
// the sink.
func trustedModule(d *wgpu.Device, label, code string) *wgpu.ShaderModule {
	l, c := C.CString(label), C.CString(code)
	defer C.free(unsafe.Pointer(l))
	defer C.free(unsafe.Pointer(c))
	return wrap[wgpu.ShaderModule](C.px_trusted_module(handle(d), l, c))
}

// A command is one step of a recording, a dispatch or a copy, as px_play reads
// it. Its handles are C's, which Go's collector does not look at.
type command struct {
	pipeline       uintptr
	a, b           uintptr
	from, to, size uint64
	offset         uint32
	groups         [3]uint32
}

// kept returns a copy of t that may outlive it. Without this the compiler, which
// cannot tell that only a tap keeps what it is shown, would put each list of
// tensors that is dispatched on the heap.
func (t *Tensor) kept() Tensor {
	hidden := uintptr(unsafe.Pointer(t))
	c := **(**Tensor)(unsafe.Pointer(&hidden))
	c.Shape = slices.Clone(c.Shape)
	return c
}

// copies returns kept copies of a list.
func copies(list []Tensor) []Tensor {
	c := make([]Tensor, 0, len(list)+1)
	for i := range list {
		c = append(c, list[i].kept())
	}
	return c
}

// raw returns the handle of an object for a command.
func raw[T any](object *T) uintptr { return uintptr(handle(object)) }

// play submits commands in one call and returns the submission's index. The
// clock may be nil.
func (d *Device) play(list []command, c *Clock) uint64 {
	var queries, ticks unsafe.Pointer
	count := 0
	if c != nil && len(c.pending) > 0 {
		queries, ticks, count = handle(c.queries), handle(c.ticks.buf.raw), 2*len(c.pending)
	}
	d.staged = 0
	return uint64(C.px_submit(handle(d.dev), handle(d.queue), d.sink.c,
		(*C.px_command)(unsafe.Pointer(unsafe.SliceData(list))), C.size_t(len(list)), queries, C.uint32_t(count), ticks))
}

// write gives the queue data to put into a buffer, in order with submissions.
func (d *Device) write(b *buffer, offset uint64, data []byte) {
	C.wgpuQueueWriteBuffer(handle(d.queue), handle(b.raw), C.uint64_t(offset), unsafe.Pointer(unsafe.SliceData(data)), C.size_t(len(data)))
}

// fetch waits for a submission and copies what a buffer then holds, and reports
// whether it could.
func (d *Device) fetch(b *buffer, index uint64, to []uint32) bool {
	return C.px_fetch(handle(d.dev), d.sink.c, handle(b.raw), C.uint64_t(index), unsafe.Pointer(unsafe.SliceData(to)), C.size_t(4*len(to))) == 1
}

// timestampPeriod returns the nanoseconds in one timestamp tick.
func timestampPeriod(q *wgpu.Queue) float64 {
	return float64(C.wgpuQueueGetTimestampPeriod(handle(q)))
}

// NativeVersion returns the version of wgpu-native, for example "29.0.1.1".
func NativeVersion() string {
	v := uint32(C.wgpuGetVersion())
	return fmt.Sprintf("%d.%d.%d.%d", v>>24, v>>16&255, v>>8&255, v&255)
}
