// A Vulkan layer under which a device is lost, for TestDriverLosesDevice: the
// PIXTRAL_LOSE_SUBMIT-th submission or the PIXTRAL_LOSE_WAIT-th wait fails, and
// all that come after. With PIXTRAL_NO_MEMORY=1 no memory can be had. Vulkan's
// headers need not be installed: what is used of them is declared here.

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { OUT_OF_DEVICE_MEMORY = -2, DEVICE_LOST = -4 };
enum { LOADER_INSTANCE_CREATE_INFO = 47, LOADER_DEVICE_CREATE_INFO = 48 };

typedef void (*function)(void);
typedef function (*lookup)(void *of, char const *name);

// The chain through which the loader passes a layer what is below it.
typedef struct link {
	struct link *next;
	lookup instance, device;    // of an instance's link the second is another function
} link;
typedef struct loader_info {
	int32_t type;
	struct loader_info *next;
	int32_t function;    // 0: u is a link
	link *links;
} loader_info;
typedef struct {
	int32_t type;
	void *next;
	uint32_t version;
	lookup instance, device, physical;
} negotiation;

static lookup instance_below, device_below;
static void *instance;
static int32_t (*submit_below)(void *, uint32_t, void const *, uint64_t);
static int32_t (*wait_below)(void *, void const *, uint64_t);
static int32_t (*counter_below)(void *, uint64_t, uint64_t *);
static int32_t (*allocate_below)(void *, void const *, void const *, uint64_t *);
static int submissions, waits, lost;

// due reports whether the n-th call is the one that the environment names.
static int due(char const *name, int n) {
	char const *at = getenv(name);
	if (at != NULL && atoi(at) == n) lost = 1;
	return lost;
}

static int32_t submit(void *queue, uint32_t count, void const *batches, uint64_t fence) {
	return due("PIXTRAL_LOSE_SUBMIT", ++submissions) ? DEVICE_LOST : submit_below(queue, count, batches, fence);
}

static int32_t wait(void *device, void const *what, uint64_t timeout) {
	return due("PIXTRAL_LOSE_WAIT", ++waits) ? DEVICE_LOST : wait_below(device, what, timeout);
}

static int32_t counter(void *device, uint64_t semaphore, uint64_t *value) {
	return lost ? DEVICE_LOST : counter_below(device, semaphore, value);
}

static int32_t allocate(void *device, void const *info, void const *allocator, uint64_t *memory) {
	return getenv("PIXTRAL_NO_MEMORY") != NULL ? OUT_OF_DEVICE_MEMORY : allocate_below(device, info, allocator, memory);
}

// descend takes this layer's link out of the chain.
static link *descend(void const *create_info, int32_t type) {
	loader_info *i = ((loader_info *)create_info)->next;
	while (i->type != type || i->function != 0) i = i->next;
	link *l = i->links;
	i->links = l->next;
	return l;
}

static int32_t create_instance(void const *info, void const *allocator, void **made) {
	instance_below = descend(info, LOADER_INSTANCE_CREATE_INFO)->instance;
	int32_t (*below)(void const *, void const *, void **) = (void *)instance_below(NULL, "vkCreateInstance");
	int32_t result = below(info, allocator, made);
	instance = *made;
	return result;
}

static int32_t create_device(void *physical, void const *info, void const *allocator, void **made) {
	link *l = descend(info, LOADER_DEVICE_CREATE_INFO);
	device_below = l->device;
	int32_t (*below)(void *, void const *, void const *, void **) = (void *)l->instance(instance, "vkCreateDevice");
	int32_t result = below(physical, info, allocator, made);
	if (result != 0) return result;
	submit_below = (void *)device_below(*made, "vkQueueSubmit");
	wait_below = (void *)device_below(*made, "vkWaitSemaphores");
	counter_below = (void *)device_below(*made, "vkGetSemaphoreCounterValue");
	allocate_below = (void *)device_below(*made, "vkAllocateMemory");
	return result;
}

static function device_function(void *device, char const *name);
static function instance_function(void *of, char const *name);

static function ours(char const *name) {
	static const struct { char const *name; function f; } list[] = {
		{"vkCreateInstance", (function)create_instance}, {"vkCreateDevice", (function)create_device},
		{"vkGetInstanceProcAddr", (function)instance_function}, {"vkGetDeviceProcAddr", (function)device_function},
		{"vkQueueSubmit", (function)submit}, {"vkAllocateMemory", (function)allocate},
		{"vkWaitSemaphores", (function)wait}, {"vkWaitSemaphoresKHR", (function)wait},
		{"vkGetSemaphoreCounterValue", (function)counter}, {"vkGetSemaphoreCounterValueKHR", (function)counter},
	};
	for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
		if (strcmp(name, list[i].name) == 0) return list[i].f;
	}
	return NULL;
}

static function device_function(void *device, char const *name) {
	function f = ours(name);
	return f != NULL ? f : device_below(device, name);
}

static function instance_function(void *of, char const *name) {
	function f = ours(name);
	return f != NULL ? f : instance_below(of, name);
}

int32_t vkNegotiateLoaderLayerInterfaceVersion(negotiation *n) {
	n->version = 2;
	n->instance = instance_function;
	n->device = device_function;
	n->physical = NULL;
	return 0;
}
