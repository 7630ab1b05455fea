package hub

import (
	"sync"
	"time"
)

// Progress is how far a Pull has come.
type Progress struct {
	Done, Total int64   // bytes of all files; what earlier runs fetched counts
	Fetched     int64   // bytes of this run, those fetched twice too
	Rate        float64 // bytes a second over the last seconds, of this run
	Files       []FileProgress
}

// FileProgress is how far one file has come.
type FileProgress struct {
	Name       string
	Done, Size int64 // bytes
}

// Left is the time the rest takes at this rate, 0 where it is not known yet.
func (p Progress) Left() time.Duration {
	if p.Rate <= 0 {
		return 0
	}
	return time.Duration(float64(p.Total-p.Done) / p.Rate * float64(time.Second))
}

const (
	meterTick  = 100 * time.Millisecond
	rateWindow = 50 // ticks: five seconds
)

// meter calls a progress function until it is stopped.
type meter struct {
	transfers []*transfer
	progress  func(Progress)
	quit      chan struct{}
	ended     sync.WaitGroup
	past      []sample
}

type sample struct {
	at      time.Time
	fetched int64
}

func startMeter(transfers []*transfer, progress func(Progress)) *meter {
	m := &meter{transfers: transfers, progress: progress, quit: make(chan struct{})}
	if progress == nil {
		return m
	}
	m.ended.Go(func() {
		ticker := time.NewTicker(meterTick)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				progress(m.read())
			case <-m.quit:
				return
			}
		}
	})
	return m
}

// stop ends the calls, after a last one if the pull came to its end.
func (m *meter) stop(complete bool) {
	close(m.quit)
	m.ended.Wait()
	if complete && m.progress != nil {
		m.progress(m.read())
	}
}

// read adds up the files. Before its download begins, a file that an earlier
// run began shows nothing: only the download knows what of it is right.
func (m *meter) read() Progress {
	p := Progress{Files: make([]FileProgress, len(m.transfers))}
	var fetched int64
	for i, t := range m.transfers {
		fetched += t.fetched.Load()
		f := FileProgress{Name: t.file.Name, Done: t.bytes(), Size: t.file.Size}
		p.Files[i] = f
		p.Done += f.Done
		p.Total += f.Size
	}
	p.Fetched, p.Rate = fetched, m.rate(sample{time.Now(), fetched})
	return p
}

// rate is the mean over the window.
func (m *meter) rate(now sample) float64 {
	m.past = append(m.past, now)
	if len(m.past) > rateWindow {
		m.past = m.past[1:]
	}
	seconds := now.at.Sub(m.past[0].at).Seconds()
	if seconds <= 0 {
		return 0
	}
	return float64(now.fetched-m.past[0].fetched) / seconds
}
