package bench

import (
	"fmt"
	"runtime"
	"time"

	"pixtral-wgpu/gpu"
)

// A hostCost is what some tokens cost the host besides the device's work: time of
// the thread that records and submits, allocations of the process, dispatches.
type hostCost struct {
	cpu           time.Duration // 0 where the system does not tell a thread's time
	mallocs, runs uint64        // runs of kernels
	tokens        int
}

// A hostMeter measures a hostCost. Between start and stop the goroutine keeps its thread.
type hostMeter struct {
	d    *gpu.Device
	from hostCost
}

// startMeter begins to measure.
func startMeter(d *gpu.Device) hostMeter {
	runtime.LockOSThread()
	return hostMeter{d, spent(d)}
}

// stop returns what so many tokens cost.
func (m hostMeter) stop(tokens int) hostCost {
	now := spent(m.d)
	runtime.UnlockOSThread()
	return hostCost{now.cpu - m.from.cpu, now.mallocs - m.from.mallocs, now.runs - m.from.runs, tokens}
}

// spent returns what the thread has cost until now.
func spent(d *gpu.Device) hostCost {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return hostCost{cpu: threadTime(), mallocs: m.Mallocs, runs: d.Dispatches()}
}

// each returns the thread's time a token.
func (c hostCost) each() time.Duration { return c.cpu / time.Duration(max(1, c.tokens)) }

func (c hostCost) String() string {
	if c.tokens == 0 {
		return "" // all were to warm up
	}
	n := float64(c.tokens)
	text := fmt.Sprintf("a token: %.0f dispatches, %.3g allocations", float64(c.runs)/n, float64(c.mallocs)/n)
	if c.cpu > 0 {
		text += fmt.Sprintf(", %.2f ms of the host's CPU", c.each().Seconds()*1e3)
	}
	return text
}
