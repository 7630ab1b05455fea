package gpu

// What the bindings lack or break, called on the same library by its C API
// (webgpu.h and wgpu.h of wgpu-native v29): a device request with callbacks for
// a lost device and for errors outside any scope, shader modules without checks
// at run time, timestamps around a compute pass, and the length of a timestamp
// tick. Only the prototypes and structs
// that are used are declared; the bindings link the library itself.

/*
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

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
typedef struct { void *next; unsigned char rest[1024]; } px_limits;    // larger than WGPULimits

extern px_future wgpuAdapterRequestDevice(void *adapter, px_device_desc const *desc, px_callback_info info);
extern uint32_t wgpuAdapterGetLimits(void *adapter, px_limits *limits);
extern void *wgpuCommandEncoderBeginComputePass(void *encoder, px_pass_desc const *desc);
extern void wgpuComputePassEncoderEnd(void *pass);
extern void *wgpuDeviceCreateShaderModuleTrusted(void *device, px_module_desc const *desc, uint64_t checks);
extern void wgpuDeviceDestroy(void *device);
extern float wgpuQueueGetTimestampPeriod(void *queue);
extern uint32_t wgpuGetVersion(void);

// A sink keeps the first error that no scope caught, and whether the device is lost.
typedef struct {
	_Atomic int lost, failed;
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

static void *px_begin_pass(void *encoder, void *query_set, uint32_t begin) {
	px_timestamps t = { NULL, query_set, begin, begin + 1 };
	px_pass_desc desc = { NULL, { NULL, SIZE_MAX }, query_set == NULL ? NULL : &t };
	return wgpuCommandEncoderBeginComputePass(encoder, &desc);
}

static void *px_trusted_module(void *device, char const *label, char const *code) {
	px_wgsl wgsl = { NULL, 2, { code, SIZE_MAX } };    // WGPUSType_ShaderSourceWGSL
	px_module_desc desc = { &wgsl, { label, SIZE_MAX } };
	return wgpuDeviceCreateShaderModuleTrusted(device, &desc, 0);
}

static int px_lost(px_sink *s) { return atomic_load(&s->lost); }
static int px_failed(px_sink *s) { return atomic_load(&s->failed) == 2; }
static void px_clear(px_sink *s) { atomic_store(&s->failed, 0); }
*/
import "C"

import (
	"fmt"
	"unsafe"

	"github.com/oliverbestmann/webgpu/wgpu"
)

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
		return &OutOfMemoryError{What: "a GPU operation", Reason: message}
	}
	return fmt.Errorf("%s", message)
}

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

// beginPass begins a compute pass. With a query set it writes timestamps to
// queries at and at+1.
func beginPass(e *wgpu.CommandEncoder, q *wgpu.QuerySet, at int) *wgpu.ComputePassEncoder {
	var set unsafe.Pointer
	if q != nil {
		set = handle(q)
	}
	return wrap[wgpu.ComputePassEncoder](C.px_begin_pass(handle(e), set, C.uint32_t(at)))
}

// endPass ends a pass begun by beginPass. Errors come with the encoder's Finish.
func endPass(p *wgpu.ComputePassEncoder) {
	C.wgpuComputePassEncoderEnd(handle(p))
	p.Release()
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
