package gpu

// A Tape holds a stretch of a recording that comes again and again, such as the
// pass of a token, so that it is put together once.
type Tape struct {
	commands []command
	work     float64
	runs     uint64
	version  uint64 // of the device, when this was recorded; 0 for nothing
}

// Erase makes t hold nothing.
func (t *Tape) Erase() { t.version = 0 }

// Taped records what record records: from t, if t still holds it, which takes
// record to do the same each time until t is erased. Where someone watches or
// measures, or a submission must end within, t is left alone. Record posts
// nothing, and hands no copies to the host.
func (r *Recorder) Taped(t *Tape, record func()) {
	if r.Tap != nil || r.Clock != nil || r.err != nil {
		record()
		return
	}
	if r.err = r.room(); r.err != nil || r.replay(t) {
		return
	}
	from, flushes, work, runs := len(r.commands), r.flushes, r.work, r.dev.runs
	record()
	if r.err != nil || r.flushes != flushes {
		t.Erase()
		return
	}
	t.commands = append(t.commands[:0], r.commands[from:]...)
	t.work, t.runs, t.version = r.work-work, r.dev.runs-runs, r.dev.version
}

// replay records what t holds, and reports whether it could.
func (r *Recorder) replay(t *Tape) bool {
	if t.version != r.dev.version || r.work+t.work > r.dev.pace.budget || len(r.commands)+len(t.commands) > maxCommands {
		return false
	}
	r.commands = append(r.commands, t.commands...)
	r.work += t.work
	r.dev.runs += t.runs
	return true
}
