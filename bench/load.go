package bench

import (
	"context"
	"fmt"
	"os"
	"runtime/metrics"
	"slices"
	"time"

	"github.com/shirou/gopsutil/v4/process"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/model"
)

// Load measures loading: seconds, bytes of the weights as they lie in the files,
// and the most memory that the host had to have for it. It returns the model
// loaded last, which the caller closes.
func (r *Report) Load(ctx context.Context, d *gpu.Device, c *model.Checkpoint, o model.LoadOptions) (*model.Pixtral, error) {
	var p *model.Pixtral
	var times []time.Duration
	peak := &hostPeak{}
	progress := o.Progress
	o.Progress = func(done, total uint64) {
		peak.look()
		if progress != nil {
			progress(done, total)
		}
	}
	most := leastSamples
	if r.Samples > 0 {
		most = r.Samples
	}
	for start := time.Now(); len(times) == 0 || len(times) < most && time.Since(start) < r.longest()/2; {
		if p != nil {
			p.Close()
		}
		begin := time.Now()
		var err error
		if p, err = model.Load(ctx, d, c, o); err != nil {
			return nil, err
		}
		times = append(times, time.Since(begin))
	}
	slices.Sort(times)
	bytes := c.Bytes()
	r.add(result{
		group: "load", name: "weights of " + gpu.Size(bytes), times: times,
		amount: float64(bytes) / 1e9, unit: "GB/s", work: float64(placed(c, o)) / 1e9, best: r.WriteRate, note: peak.String(),
	})
	return p, nil
}

// placed returns the bytes that a load writes to the device.
func placed(c *model.Checkpoint, o model.LoadOptions) (n uint64) {
	list, err := c.Placements(o.Quant)
	if err != nil {
		return 0 // Load has said so
	}
	for _, t := range list {
		n += t.DeviceBytes
	}
	return n
}

// A hostPeak is the most memory that was in use when someone looked.
type hostPeak struct {
	heap, resident uint64
	last           time.Time
}

// look reads the heap each time, and the system's figure ten times a second.
func (h *hostPeak) look() {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	h.heap = max(h.heap, sample[0].Value.Uint64())
	if time.Since(h.last) < 100*time.Millisecond {
		return
	}
	h.last = time.Now()
	self, err := process.NewProcess(int32(os.Getpid()))
	if err != nil {
		return
	}
	if m, err := self.MemoryInfo(); err == nil {
		h.resident = max(h.resident, m.RSS)
	}
}

func (h *hostPeak) String() string {
	return fmt.Sprintf("at most %s of heap, %s resident with mapped files and driver", gpu.Size(h.heap), gpu.Size(h.resident))
}
