package eval

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"pixtral-wgpu/remote"
	"pixtral-wgpu/remote/fake"
)

// engine is a client of a server that answers with what answer says.
func engine(t *testing.T, answer fake.Answer) (*remote.Client, *atomic.Int64) {
	t.Helper()
	e := fake.New(t, answer)
	c, err := remote.New(remote.Options{BaseURL: e.URL, Retries: -1})
	if err != nil {
		t.Fatal(err)
	}
	return c, &e.Asked
}

// questions writes a set of n questions, the answer of the i-th being i.
func questions(t *testing.T, n int) *Data {
	t.Helper()
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{"id":"q%d","question":"What is %d?","answer":["%d"],"kind":"%s"}`+"\n", i, i, i, []string{"even", "odd"}[i%2])
	}
	path := filepath.Join(t.TempDir(), "own.jsonl")
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	d, err := OpenData(path, "")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// echo answers "What is N?" with N, the odd ones wrongly.
func echo(_ int64, body string) (string, int) {
	_, rest, _ := strings.Cut(body, "What is ")
	n, _, _ := strings.Cut(rest, "?")
	if strings.ContainsAny(n[len(n)-1:], "13579") {
		n = "?"
	}
	return n, http.StatusOK
}

func TestRunResumes(t *testing.T) {
	d := questions(t, 60)
	task := Own(d.Path)
	header := Header{Task: task.Name, Model: "a-model", Data: d.Path}
	path := filepath.Join(t.TempDir(), "log.jsonl")
	open := func() *Log {
		t.Helper()
		l, err := OpenLog(path, header)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}

	client, asked := engine(t, echo)
	for kill := range 3 { // three runs that end early, the last line cut
		ctx, cancel := context.WithCancel(t.Context())
		l := open()
		_, err := Run(ctx, task, d, client, l, Options{Parallel: 3, Progress: func(done, _ int, _ float64) {
			if done == 10*(kill+1) {
				cancel()
			}
		}})
		l.Close()
		if err == nil {
			t.Fatal("the run was not ended")
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, append(data, `{"id":"q`...), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	l := open()
	got, err := Run(t.Context(), task, d, client, l, Options{Parallel: 3})
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if n := asked.Load(); n > 60+3*3 {
		t.Errorf("%d requests for 60 items: what was logged was asked again", n)
	}

	fresh := &Log{Header: header, Entries: map[string]Entry{}}
	want, err := Run(t.Context(), task, d, client, fresh, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range want.Metrics {
		if got.Metrics[i].Mean != want.Metrics[i].Mean {
			t.Errorf("%s: %+v after three kills, %+v undisturbed", want.Metrics[i].Metric.Name, got.Metrics[i].Mean, want.Metrics[i].Mean)
		}
	}
	m := got.Metrics[0]
	if m.Mean.Value != 0.5 || m.Groups["kind"]["even"].Value != 1 || m.Groups["kind"]["odd"].Value != 0 {
		t.Errorf("got %+v", m)
	}
	if m.Mean.Low >= 0.5 || m.Mean.High <= 0.5 || m.Mean.High-m.Mean.Low > 0.35 {
		t.Errorf("the interval of 30 of 60 is %.3f to %.3f", m.Mean.Low, m.Mean.High)
	}

	header.Model = "another"
	if _, err := OpenLog(path, header); err == nil || !strings.Contains(err.Error(), "another run") {
		t.Errorf("a log of another model: %v", err)
	}
}

func TestRunTellsFailures(t *testing.T) {
	d := questions(t, 10)
	task := Own(d.Path)
	client, _ := engine(t, func(n int64, body string) (string, int) {
		if strings.Contains(body, "What is 4?") {
			return "too long a prompt", http.StatusBadRequest
		}
		return echo(n, body)
	})
	log := &Log{Entries: map[string]Entry{}}
	_, err := Run(t.Context(), task, d, client, log, Options{})
	if err == nil || !strings.Contains(err.Error(), "1 of 10 items failed") || !strings.Contains(err.Error(), "item q4") || !strings.Contains(err.Error(), "too long a prompt") {
		t.Errorf("got %v", err)
	}
	if len(log.Entries) != 9 {
		t.Errorf("%d items are logged", len(log.Entries))
	}
}

func TestCompare(t *testing.T) {
	d := questions(t, 40)
	task := Own(d.Path)
	logs := [2]*Log{}
	for i, answer := range []func(int64, string) (string, int){echo, func(n int64, body string) (string, int) {
		if strings.Contains(body, "What is 2?") {
			return "wrong", http.StatusOK
		}
		if strings.Contains(body, "What is 1?") {
			return "1", http.StatusOK
		}
		return echo(n, body)
	}} {
		client, _ := engine(t, answer)
		logs[i] = &Log{Header: Header{Task: task.Name, Model: fmt.Sprint("model ", i)}, Entries: map[string]Entry{}}
		if _, err := Run(t.Context(), task, d, client, logs[i], Options{}); err != nil {
			t.Fatal(err)
		}
	}
	c, err := Compare(task, logs[0], logs[1])
	if err != nil {
		t.Fatal(err)
	}
	m := c.Changes[0]
	if c.Pairs != 40 || m.Better != 1 || m.Worse != 1 || m.Change.Value != 0 || len(c.Flips) != 2 || c.Flips[0].A.ID != "q2" {
		t.Errorf("got %+v", c)
	}
	if m.Change.Low > 0 || m.Change.High < 0 || m.Change.High > 0.1 {
		t.Errorf("the interval of the change is %.3f to %.3f", m.Change.Low, m.Change.High)
	}
	var page strings.Builder
	if err := c.HTML(&page, task, d); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(page.String(), "item q2") || !strings.Contains(page.String(), "What is 2?") {
		t.Error("the page does not show the item that flipped")
	}
}
